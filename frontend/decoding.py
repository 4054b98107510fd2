"""The bytes of a PNG or JPEG file → an upright RGB picture, within limits that are checked before any pixel is made."""

import io
import struct
import zlib
from dataclasses import dataclass
from functools import partial
from math import ceil

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from frontend import png_chunks
from frontend.errors import InvalidImage
from frontend.images import RgbImage
from frontend.jpeg_segments import has_a_long_head, has_more_scans, without_remarks

_JPEG_SIGNATURE = b"\xff\xd8\xff"
_EXIF_ORIENTATION = 0x0112
_MAX_EXIF_BYTES = 1024 * 1024  # Pillow makes a number of all that the orientation claims to hold, 0.4 MB of each 16 KB
_MAX_JPEG_SCANS = 100
_MAX_SCANS_OF_LARGEST = 16  # libjpeg goes through every pixel once a scan; progressive files have about 10
_MAX_BYTES_A_PIXEL_OF_LARGEST = 3
_JPEG_DIVISORS = (8, 4, 2)  # those that libjpeg-turbo has fast code for
_REMARKS = ("ICC marker", "JFIF revision")  # in what libjpeg-turbo says against a file whose pixels may be sound

# What Pillow raises on damaged files, beside its own UnidentifiedImageError (an OSError).
_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """The largest picture that is decoded: pixels in all, and pixels along the longer side."""

    max_pixels: int
    max_side_pixels: int


def decode_image(data: bytes, limits: ImageLimits) -> RgbImage:
    """Decode a PNG or JPEG file; its bytes decide which of the two it is.

    Grey, palette, 16-bit (the high byte is kept), CMYK and progressive pictures come out as 8-bit RGB, alpha is
    dropped, and the EXIF orientation is applied (Exif 2.32, tag 0x0112).

    Raises InvalidImage when the file is something else, beyond the limits, cut short or corrupt.
    """
    return decode_reduced(data, limits, enough_side_pixels=limits.max_side_pixels)[0]


def decode_reduced(data: bytes, limits: ImageLimits, enough_side_pixels: int) -> tuple[RgbImage, int]:
    """As `decode_image`, but a JPEG at a half, a quarter or an eighth of its size where enough of it is left.

    The smallest is taken whose shorter side still has `enough_side_pixels`: transforming fewer coefficients into fewer
    pixels costs far less. Beside the picture the divisor is returned: 1, 2, 4 or 8.
    """
    if data.startswith(_JPEG_SIGNATURE):
        return _decode_jpeg(data, limits, enough_side_pixels)
    if data.startswith(png_chunks.SIGNATURE):
        return _decode_png(data, limits), 1
    raise InvalidImage("neither PNG nor JPEG")


def upright_size(data: bytes, image: RgbImage, divisor: int) -> tuple[int, int]:
    """Width and height in full of the file that `decode_reduced` made `image` of with this `divisor`."""
    if divisor == 1:
        return image.shape[1], image.shape[0]
    height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
    return (height, width) if _jpeg_orientation(data) >= 5 else (width, height)


def _decode_jpeg(data: bytes, limits: ImageLimits, enough_side_pixels: int) -> tuple[RgbImage, int]:
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)  # what it finds, decoding finds too
        _check_size(width, height, limits)
        if has_more_scans(data, min(_MAX_JPEG_SCANS, _MAX_SCANS_OF_LARGEST * limits.max_pixels // (width * height))):
            raise InvalidImage("too many scans")
        if has_a_long_head(data):
            raise InvalidImage("too many segments")
        divisor = _divisor(min(width, height), enough_side_pixels)
        image = _jpeg_pixels(data, ceil(height / divisor), ceil(width / divisor))
    except (ValueError, KeyError) as error:  # KeyError: a chroma subsampling that has no name
        raise InvalidImage(f"damaged JPEG: {error}") from None
    return _upright(image, _jpeg_orientation(data)), divisor


def _jpeg_pixels(data: bytes, height: int, width: int) -> RgbImage:
    decode = partial(simplejpeg.decode_jpeg, colorspace="RGB", min_height=height, min_width=width, min_factor=1)
    try:
        return np.asarray(decode(data), np.uint8)
    except ValueError as error:
        if not any(remark in str(error) for remark in _REMARKS):
            raise
        return np.asarray(decode(without_remarks(data)), np.uint8)


def _divisor(shorter_side: int, enough_side_pixels: int) -> int:
    return next((divisor for divisor in _JPEG_DIVISORS if shorter_side >= divisor * enough_side_pixels), 1)


def _jpeg_orientation(data: bytes) -> int:
    try:
        header = Image.open(io.BytesIO(data), formats=("JPEG",))
    except _DAMAGED as error:  # a file that decoders do not agree on is not intact
        raise InvalidImage(f"damaged JPEG: {type(error).__name__}") from None
    with header:
        return _orientation_of(header)


def _orientation_of(image: Image.Image) -> int:
    """1 to 8; what is none of them, a fraction in between among it, says nothing, and nor does a broken EXIF block."""
    if len(image.info.get("exif", b"")) > _MAX_EXIF_BYTES:
        return 1
    try:
        value = image.getexif().get(_EXIF_ORIENTATION, 1)
    except _DAMAGED:
        return 1
    return int(value) if value in range(1, 9) else 1


def _decode_png(data: bytes, limits: ImageLimits) -> RgbImage:
    width, height, depth, colour_type = png_chunks.header_of(data)
    _check_size(width, height, limits)
    if (
        width * height * depth * png_chunks.CHANNELS.get(colour_type, 1)
        > 8 * _MAX_BYTES_A_PIXEL_OF_LARGEST * limits.max_pixels
    ):
        raise InvalidImage(f"too many bytes of pixels: {width}x{height}, {depth} bits, colour type {colour_type}")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as png:
            png.load()
            if _may_end_early(png) and not png_chunks.has_all_pixels(data):
                raise InvalidImage("PNG with too few pixels")
            png.info.pop("transparency", None)  # dropped, as alpha is; Pillow would warn
            orientation = _orientation_of(png)
            if png.mode.startswith("I"):  # 16-bit grey, which Pillow would clip rather than scale
                grey = (np.asarray(png) >> 8).astype(np.uint8)
                image = np.repeat(grey[:, :, None], 3, axis=2)
            else:
                image = np.asarray(png if png.mode == "RGB" else png.convert("RGB"))
    except _DAMAGED as error:
        raise InvalidImage(f"damaged PNG: {type(error).__name__}") from None
    return _upright(image, orientation)


def _may_end_early(png: Image.Image) -> bool:
    """Whether one of the last two rows is 0 throughout, as Pillow leaves those that a file does not hold.

    The last one that a file holds is one of the two: the last but one where an interlaced picture's height is odd.
    """
    rows = np.asarray(png.crop((0, max(0, png.height - 2), *png.size)))
    return not rows.reshape(len(rows), -1).any(axis=1).all()


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if not (0 < width <= limits.max_side_pixels and 0 < height <= limits.max_side_pixels):
        raise InvalidImage(f"a side is 0 or over {limits.max_side_pixels} pixels: {width}x{height}")
    if width * height > limits.max_pixels:
        raise InvalidImage(f"over {limits.max_pixels} pixels: {width}x{height}")


def _upright(image: RgbImage, orientation: int) -> RgbImage:
    match orientation:
        case 2:
            turned = cv2.flip(image, 1)
        case 3:
            turned = cv2.rotate(image, cv2.ROTATE_180)
        case 4:
            turned = cv2.flip(image, 0)
        case 5:
            turned = cv2.transpose(image)
        case 6:
            turned = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
        case 7:
            turned = cv2.rotate(cv2.transpose(image), cv2.ROTATE_180)
        case 8:
            turned = cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)
        case _:
            return image
    return np.asarray(turned, np.uint8)
