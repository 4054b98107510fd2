"""Sound pictures of every kind, made in code, for the mutations to begin with."""

import io
import struct
import zlib

import numpy as np
from PIL import Image
from skimage import data

from frontend.images import RgbImage
from tests.hostile.mutations.png import SIGNATURE, packed


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


def jpeg_seeds(picture: RgbImage) -> list[bytes]:
    """Baseline and progressive, each chroma subsampling, restart intervals, grey, CMYK, RGB, ICC and Exif."""
    image = Image.fromarray(picture)
    exif = Image.Exif()
    exif[0x0112] = 6
    options: list[dict[str, object]] = [
        {},
        {"subsampling": 0},
        {"subsampling": 1},
        {"progressive": True},
        {"progressive": True, "restart_marker_rows": 1},
        {"restart_marker_blocks": 3},
        {"keep_rgb": True},
        {"exif": exif},
        {"icc_profile": b"\0" * 3000},
        {"optimize": True, "quality": 30},
    ]
    files = [_saved(image, "JPEG", **({"quality": 85} | option)) for option in options]
    for mode in ("L", "CMYK"):
        files += [_saved(image.convert(mode), "JPEG", progressive=progressive) for progressive in (False, True)]
    return files


def png_seeds(picture: RgbImage) -> list[bytes]:
    """Each colour type and depth, palette with transparency, interlaced, with text and Exif."""
    image = Image.fromarray(picture)
    exif = Image.Exif()
    exif[0x0112] = 8
    files = [_saved(image.convert(mode), "PNG") for mode in ("RGB", "RGBA", "L", "LA", "P", "1")]
    files.append(_saved(image.convert("P"), "PNG", transparency=bytes(range(256))))
    files.append(_saved(image, "PNG", exif=exif))
    grey = picture[:, :, 1]
    files.append(_saved(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"))
    wide = picture.astype(np.uint16) * 257
    files.append(raw_png(wide.astype(">u2").reshape(*grey.shape, 3).view(np.uint8), depth=16, colour_type=2))
    files.append(raw_png(picture, depth=8, colour_type=2, interlaced=True))
    files.append(raw_png(grey[:, :, None], depth=8, colour_type=0, interlaced=True))
    return files


def raw_png(samples: RgbImage, *, depth: int, colour_type: int, interlaced: bool = False) -> bytes:
    """A PNG out of bytes [height, width, bytes a pixel], unfiltered, interlaced after Adam7 if asked for."""
    height, width, _ = samples.shape
    samples = samples.reshape(height, width, -1)
    starts = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    passes = [samples[y::dy, x::dx] for y, x, dy, dx in starts] if interlaced else [samples]
    rows = b"".join(b"\0" + row.tobytes() for part in passes if part.size for row in part)
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    return SIGNATURE + packed(b"IHDR", header) + packed(b"IDAT", zlib.compress(rows)) + packed(b"IEND", b"")


def small_picture() -> RgbImage:
    """A face in 61 × 53 pixels, odd on purpose."""
    return np.ascontiguousarray(Image.fromarray(data.astronaut()[:220, 110:330]).resize((53, 61)))
