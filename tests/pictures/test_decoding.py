"""Every kind of JPEG comes out right, and nothing but it and PNG comes out at all."""

import io
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from frontend.decoding import decode_image, decode_reduced, upright_size
from frontend.errors import InvalidImage
from frontend.images import RgbImage
from tests.hostile.mutations.png import packed
from tests.pictures.files import LIMITS, saved


def mean_difference(a: RgbImage, b: RgbImage) -> float:
    return float(np.abs(a.astype(int) - b.astype(int)).mean())


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("RGB", {"progressive": True}),
        ("RGB", {"subsampling": 0}),
        ("RGB", {"subsampling": 1}),
        ("RGB", {"restart_marker_rows": 1}),
        ("RGB", {"keep_rgb": True}),
        ("CMYK", {}),
        ("L", {}),
    ],
)
def test_jpeg_of_every_kind_decodes_as_pillow_does(picture: RgbImage, mode: str, options: dict[str, object]) -> None:
    file = saved(Image.fromarray(picture).convert(mode), "JPEG", quality=92, **options)
    decoded = decode_image(file, LIMITS)
    assert decoded.shape == picture.shape
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))).max() <= 1
    original = np.asarray(Image.fromarray(picture).convert(mode).convert("RGB"))
    assert mean_difference(decoded, original) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_exif_orientation_is_applied(picture: RgbImage, kind: str, orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = Image.fromarray(picture)
    if orientation in turns:
        stored = stored.transpose(turns[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode_image(saved(stored, kind, exif=exif, quality=95), LIMITS)
    assert decoded.shape == picture.shape
    assert mean_difference(decoded, picture) < 3


@pytest.mark.parametrize("orientation", [0, 9, 200])
def test_impossible_orientation_is_passed_over(picture: RgbImage, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode_image(saved(Image.fromarray(picture), "JPEG", exif=exif), LIMITS)
    assert decoded.shape == picture.shape


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data:UserWarning")
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("block", [b"MM\0*\xff\xff\xff\xff", b"neither of the two orders of bytes", b"MM"])
def test_broken_exif_block_does_not_spoil_a_sound_picture(picture: RgbImage, kind: str, block: bytes) -> None:
    file = saved(Image.fromarray(picture), kind, exif=b"Exif\0\0" + block)
    assert decode_image(file, LIMITS).shape == picture.shape


@pytest.mark.parametrize("numbers", [[(1, 1), (1, 1)], [(0, 1)], [(1, 2)], [(1, 2), (2, 3)]], ids=str)
def test_broken_colour_profile_does_not_spoil_a_sound_picture(
    picture: RgbImage, numbers: list[tuple[int, int]]
) -> None:
    """Twice, counted from 0, and with a piece that was lost, as some programs leave one behind."""
    file = saved(Image.fromarray(picture), "JPEG")
    pieces = (b"\xff\xe2\0\x74ICC_PROFILE\0" + bytes(number) + bytes(100) for number in numbers)
    broken = file[:2] + b"".join(pieces) + file[2:]
    assert np.array_equal(decode_image(broken, LIMITS), decode_image(file, LIMITS))
    image, divisor = decode_reduced(broken, LIMITS, 100)
    assert upright_size(broken, image, divisor) == picture.shape[1::-1]
    assert divisor == 2
    with pytest.raises(InvalidImage):
        decode_image(broken[: len(broken) * 9 // 10] + broken[-2:], LIMITS)


def test_a_revision_of_jfif_that_nobody_knows_does_not_spoil_a_sound_picture(picture: RgbImage) -> None:
    file = saved(Image.fromarray(picture), "JPEG")
    assert b"JFIF\0\1" in file
    newer = file.replace(b"JFIF\0\1", b"JFIF\0\2")
    assert np.array_equal(decode_image(newer, LIMITS), decode_image(file, LIMITS))


def test_bytes_after_the_end_are_passed_over(picture: RgbImage) -> None:
    for kind in ("JPEG", "PNG"):
        assert decode_image(saved(Image.fromarray(picture), kind) + b"trailing", LIMITS).shape == picture.shape


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO"])
def test_other_formats_are_refused(picture: RgbImage, kind: str) -> None:
    with pytest.raises(InvalidImage):
        decode_image(saved(Image.fromarray(picture), kind), LIMITS)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\x00\x10JFIF",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"hello, world",
        b"\0" * 1000,
    ],
)
def test_what_is_no_picture_is_refused(file: bytes) -> None:
    with pytest.raises(InvalidImage):
        decode_image(file, LIMITS)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.999])
def test_jpeg_cut_short_is_refused(picture: RgbImage, share: float, progressive: bool) -> None:
    file = saved(Image.fromarray(picture), "JPEG", progressive=progressive)
    with pytest.raises(InvalidImage):
        decode_image(file[: int(len(file) * share)], LIMITS)


def test_limits_hold_at_their_edge() -> None:
    fits = np.zeros((1000, 2000, 3), np.uint8)
    for kind in ("JPEG", "PNG"):
        assert decode_image(saved(Image.fromarray(fits), kind), LIMITS).shape == fits.shape
        with pytest.raises(InvalidImage, match="pixels"):
            decode_image(saved(Image.fromarray(np.zeros((1000, 2001, 3), np.uint8)), kind), LIMITS)
        with pytest.raises(InvalidImage, match="pixels"):
            decode_image(saved(Image.fromarray(np.zeros((4001, 10, 3), np.uint8)), kind), LIMITS)


EMPTY_CHUNK = packed(b"prVt", b"")
COMMENT = b"\xff\xfe\0\2"
UNRELATED = b"\xff\xd0"


@pytest.mark.parametrize(
    ("kind", "end_of_start", "filling"),
    [
        ("PNG", 33, EMPTY_CHUNK),
        ("PNG", -12, EMPTY_CHUNK),
        ("JPEG", 2, COMMENT),
        ("JPEG", 2, b"\xff"),
        ("JPEG", 2, UNRELATED),
    ],
)
def test_millions_of_parts_are_refused_before_anybody_goes_through_them(
    picture: RgbImage, kind: str, end_of_start: int, filling: bytes
) -> None:
    file = saved(Image.fromarray(picture), kind)
    few, many = (
        file[:end_of_start] + filling * number + file[end_of_start:] for number in (100, 8_000_000 // len(filling))
    )
    assert np.array_equal(decode_image(few, LIMITS), decode_image(file, LIMITS))
    began_s = time.thread_time()
    with pytest.raises(InvalidImage, match="too many"):
        decode_image(many, LIMITS)
    assert time.thread_time() - began_s < 0.5


def test_what_pillow_would_unpack_for_nobody_is_refused(picture: RgbImage) -> None:
    png, jpeg = saved(Image.fromarray(picture), "PNG"), saved(Image.fromarray(picture), "JPEG")
    profile = b"x\0\0" + zlib.compress(bytes(1_000_000))
    inflated = packed(b"iCCP", profile)
    exif = b"\xff\xe1\x07\0Exif\0\0" + bytes(0x700 - 8)
    began_s = time.thread_time()
    for file in (png[:33] + inflated * 1_000 + png[33:], jpeg[:2] + exif * 900 + jpeg[2:]):
        with pytest.raises(InvalidImage, match="too many"):
            decode_image(file, LIMITS)
    assert time.thread_time() - began_s < 0.5


def test_scans_behind_a_marker_without_a_length_are_counted(picture: RgbImage) -> None:
    """A decoder passes over a reserved marker (FF02 to FFBF) alone, not over the bytes that would be its length."""
    file = saved(Image.fromarray(picture), "JPEG", progressive=True)
    last_scan = file[file.rindex(b"\xff\xda") : -2]
    with pytest.raises(InvalidImage, match="scans"):
        decode_image(file[:-2] + b"\xff\x02\xff\xff" + last_scan * 200 + file[-2:], LIMITS)


def test_a_film_after_the_picture_is_passed_over(picture: RgbImage) -> None:
    """Phones append one. Now and then there are bytes in it that would begin a scan; here they stand close together."""
    for progressive in (False, True):
        file = saved(Image.fromarray(picture), "JPEG", progressive=progressive, exif=thumbnail())
        film = b"\xff\xda\0\x08" * 1_000
        assert np.array_equal(decode_image(file + film, LIMITS), decode_image(file, LIMITS))
        with pytest.raises(InvalidImage, match="scans"):
            decode_image(file[:-2] + film, LIMITS)


def thumbnail() -> bytes:
    """An EXIF block that holds a whole JPEG, end of image included."""
    exif = Image.Exif()
    exif[0x927C] = saved(Image.new("RGB", (16, 16)), "JPEG")
    return exif.tobytes()


def test_jpeg_with_too_many_scans_is_refused(picture: RgbImage) -> None:
    file = saved(Image.fromarray(picture), "JPEG", progressive=True)
    last_scan = file.rindex(b"\xff\xda")
    with pytest.raises(InvalidImage, match="scans"):
        decode_image(file[:-2] + file[last_scan:-2] * 200 + file[-2:], LIMITS)
