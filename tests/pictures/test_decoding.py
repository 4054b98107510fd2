"""Every kind of PNG and JPEG comes out right, and nothing else comes out at all."""

import io
import struct
import time
import zlib
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from skimage import data

from frontend.decoding import ImageLimits, decode_image, decode_reduced, upright_size
from frontend.errors import InvalidImage
from frontend.images import RgbImage
from tests.hostile.mutations.png import split as chunks_of
from tests.hostile.seeds import raw_png

LIMITS = ImageLimits(max_pixels=2_000_000, max_side_pixels=4_000)


@pytest.fixture(scope="module")
def picture() -> RgbImage:
    return np.ascontiguousarray(data.astronaut()[:300, 60:460])


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()


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


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_png_of_every_mode_decodes_exactly(picture: RgbImage, mode: str) -> None:
    image = Image.fromarray(picture).convert(mode)
    assert np.array_equal(decode_image(saved(image, "PNG"), LIMITS), np.asarray(image.convert("RGB")))


def test_alpha_is_dropped_not_blended(picture: RgbImage) -> None:
    alpha = np.zeros((*picture.shape[:2], 1), np.uint8)
    file = saved(Image.fromarray(np.concatenate([picture, alpha], axis=2), "RGBA"), "PNG")
    assert np.array_equal(decode_image(file, LIMITS), picture)


def test_16_bit_grey_is_scaled_not_clipped(picture: RgbImage) -> None:
    grey = picture[:, :, 1]
    file = saved(Image.fromarray((grey.astype(np.uint16) << 8) | 0x55), "PNG")
    assert np.array_equal(decode_image(file, LIMITS), np.repeat(grey[:, :, None], 3, axis=2))


def test_16_bit_colour_keeps_the_high_byte(picture: RgbImage) -> None:
    wide = (picture.astype(">u2") << 8) | 0x33
    rows = b"".join(b"\0" + row.tobytes() for row in wide.astype(">u2"))
    height, width = picture.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    file = png_file([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])
    assert np.array_equal(decode_image(file, LIMITS), picture)


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


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_png_cut_short_is_refused(picture: RgbImage, share: float) -> None:
    file = saved(Image.fromarray(picture), "PNG")
    with pytest.raises(InvalidImage):
        decode_image(file[: int(len(file) * share)], LIMITS)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("colour_type", [0, 2])
@pytest.mark.parametrize("height", [299, 300])
def test_png_whose_stream_ends_rows_too_early_is_refused(
    picture: RgbImage, height: int, colour_type: int, interlaced: bool
) -> None:
    samples = picture[:height, :, : colour_type + 1]
    file = raw_png(samples, depth=8, colour_type=colour_type, interlaced=interlaced)
    row_bytes = 1 + samples[0].size
    (_, header), (_, stream), _ = chunks_of(file)
    for rows in (1, 2, 60, height // 2):
        short = zlib.compress(zlib.decompress(stream)[: -rows * row_bytes])
        with pytest.raises(InvalidImage, match="too few"):
            decode_image(png_file([(b"IHDR", header), (b"IDAT", short), (b"IEND", b"")]), LIMITS)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("pieces", [1, 5])
def test_png_that_is_black_at_the_bottom_is_whole(picture: RgbImage, pieces: int, interlaced: bool) -> None:
    dark = picture.copy()
    dark[-20:] = 0
    (_, header), (_, stream), _ = chunks_of(raw_png(dark, depth=8, colour_type=2, interlaced=interlaced))
    cuts = [len(stream) * piece // pieces for piece in range(pieces + 1)]
    parts = [(b"IDAT", stream[start:end]) for start, end in pairwise(cuts)]
    assert np.array_equal(decode_image(png_file([(b"IHDR", header), *parts, (b"IEND", b"")]), LIMITS), dark)


def test_png_with_a_wrong_checksum_is_refused(picture: RgbImage) -> None:
    file = bytearray(saved(Image.fromarray(picture), "PNG"))
    file[len(file) // 2] ^= 0x55
    with pytest.raises(InvalidImage):
        decode_image(bytes(file), LIMITS)


def test_limits_hold_at_their_edge() -> None:
    fits = np.zeros((1000, 2000, 3), np.uint8)
    for kind in ("JPEG", "PNG"):
        assert decode_image(saved(Image.fromarray(fits), kind), LIMITS).shape == fits.shape
        with pytest.raises(InvalidImage, match="pixels"):
            decode_image(saved(Image.fromarray(np.zeros((1000, 2001, 3), np.uint8)), kind), LIMITS)
        with pytest.raises(InvalidImage, match="pixels"):
            decode_image(saved(Image.fromarray(np.zeros((4001, 10, 3), np.uint8)), kind), LIMITS)


def test_png_that_claims_a_giant_picture_is_refused_from_its_header() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    file = png_file([(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")])
    with pytest.raises(InvalidImage, match="60000x60000"):
        decode_image(file, LIMITS)


@pytest.mark.parametrize("first", [b"IHDR", b"prVt", b"tEXt"])
def test_png_with_two_headers_is_refused(first: bytes) -> None:
    """Pillow goes by the second, so the limits must not go by the first, nor by what only looks like one."""
    small, giant = (struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0) for side in (100, 20_000))
    rows = zlib.compress(b"\0" * 20_001 * 100)
    file = png_file([(first, small), (b"IHDR", giant), (b"IDAT", rows), (b"IEND", b"")])
    with pytest.raises(InvalidImage, match="header"):
        decode_image(file, LIMITS)


def test_png_without_its_palette_or_with_two_is_refused(picture: RgbImage) -> None:
    header, palette, *pixels = chunks_of(saved(Image.fromarray(picture).quantize(), "PNG"))
    assert decode_image(png_file([header, palette, *pixels]), LIMITS).shape == picture.shape
    for chunks in ([header, *pixels], [header, *pixels[:-1], palette, pixels[-1]], [header, palette, palette, *pixels]):
        with pytest.raises(InvalidImage, match="palette"):
            decode_image(png_file(chunks), LIMITS)


EMPTY_CHUNK = struct.pack(">I4sI", 0, b"prVt", zlib.crc32(b"prVt"))
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
    inflated = struct.pack(">I", len(profile)) + b"iCCP" + profile + struct.pack(">I", zlib.crc32(b"iCCP" + profile))
    exif = b"\xff\xe1\x07\0Exif\0\0" + bytes(0x700 - 8)
    began_s = time.thread_time()
    for file in (png[:33] + inflated * 1_000 + png[33:], jpeg[:2] + exif * 900 + jpeg[2:]):
        with pytest.raises(InvalidImage, match="too many"):
            decode_image(file, LIMITS)
    assert time.thread_time() - began_s < 0.5


def test_an_orientation_of_a_million_values_says_nothing(picture: RgbImage) -> None:
    tag = struct.pack("<HHLL", 0x0112, 5, 1_000_000, 26)
    exif = b"II*\0\x08\0\0\0\1\0" + tag + bytes(4) + bytes((6, 0, 0, 0, 1, 0, 0, 0)) * 1_000_000
    png = saved(Image.fromarray(picture), "PNG")
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    began_s = time.thread_time()
    assert np.array_equal(decode_image(png[:33] + chunk + png[33:], LIMITS), picture)
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


def test_png_with_a_compressed_text_bomb_is_refused(picture: RgbImage) -> None:
    height, width = picture.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    bomb = b"comment\0\0" + zlib.compress(b"\0" * 50_000_000)
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    file = png_file([(b"IHDR", header), (b"zTXt", bomb), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])
    with pytest.raises(InvalidImage):
        decode_image(file, LIMITS)


def test_jpeg_with_too_many_scans_is_refused(picture: RgbImage) -> None:
    file = saved(Image.fromarray(picture), "JPEG", progressive=True)
    last_scan = file.rindex(b"\xff\xda")
    with pytest.raises(InvalidImage, match="scans"):
        decode_image(file[:-2] + file[last_scan:-2] * 200 + file[-2:], LIMITS)


def png_file(chunks: list[tuple[bytes, bytes]]) -> bytes:
    encoded = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(encoded)
