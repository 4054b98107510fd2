"""Every kind of PNG comes out right, and what is damaged or would cost too much does not."""

import struct
import time
import zlib
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from frontend.decoding import decode_image
from frontend.errors import InvalidImage
from frontend.images import RgbImage
from tests.hostile.mutations.png import join, packed, split
from tests.hostile.seeds import raw_png
from tests.pictures.files import LIMITS, saved


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
    file = join([(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])
    assert np.array_equal(decode_image(file, LIMITS), picture)


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
    (_, header), (_, stream), _ = split(file)
    for rows in (1, 2, 60, height // 2):
        short = zlib.compress(zlib.decompress(stream)[: -rows * row_bytes])
        with pytest.raises(InvalidImage, match="too few"):
            decode_image(join([(b"IHDR", header), (b"IDAT", short), (b"IEND", b"")]), LIMITS)


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("pieces", [1, 5])
def test_png_that_is_black_at_the_bottom_is_whole(picture: RgbImage, pieces: int, interlaced: bool) -> None:
    dark = picture.copy()
    dark[-20:] = 0
    (_, header), (_, stream), _ = split(raw_png(dark, depth=8, colour_type=2, interlaced=interlaced))
    cuts = [len(stream) * piece // pieces for piece in range(pieces + 1)]
    parts = [(b"IDAT", stream[start:end]) for start, end in pairwise(cuts)]
    assert np.array_equal(decode_image(join([(b"IHDR", header), *parts, (b"IEND", b"")]), LIMITS), dark)


def test_png_with_a_wrong_checksum_is_refused(picture: RgbImage) -> None:
    file = bytearray(saved(Image.fromarray(picture), "PNG"))
    file[len(file) // 2] ^= 0x55
    with pytest.raises(InvalidImage):
        decode_image(bytes(file), LIMITS)


def test_png_that_claims_a_giant_picture_is_refused_from_its_header() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    file = join([(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")])
    with pytest.raises(InvalidImage, match="60000x60000"):
        decode_image(file, LIMITS)


@pytest.mark.parametrize("first", [b"IHDR", b"prVt", b"tEXt"])
def test_png_with_two_headers_is_refused(first: bytes) -> None:
    """Pillow goes by the second, so the limits must not go by the first, nor by what only looks like one."""
    small, giant = (struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0) for side in (100, 20_000))
    rows = zlib.compress(b"\0" * 20_001 * 100)
    file = join([(first, small), (b"IHDR", giant), (b"IDAT", rows), (b"IEND", b"")])
    with pytest.raises(InvalidImage, match="header"):
        decode_image(file, LIMITS)


def test_png_without_its_palette_or_with_two_is_refused(picture: RgbImage) -> None:
    header, palette, *pixels = split(saved(Image.fromarray(picture).quantize(), "PNG"))
    assert decode_image(join([header, palette, *pixels]), LIMITS).shape == picture.shape
    for chunks in ([header, *pixels], [header, *pixels[:-1], palette, pixels[-1]], [header, palette, palette, *pixels]):
        with pytest.raises(InvalidImage, match="palette"):
            decode_image(join(chunks), LIMITS)


def test_an_orientation_of_a_million_values_says_nothing(picture: RgbImage) -> None:
    tag = struct.pack("<HHLL", 0x0112, 5, 1_000_000, 26)
    exif = b"II*\0\x08\0\0\0\1\0" + tag + bytes(4) + bytes((6, 0, 0, 0, 1, 0, 0, 0)) * 1_000_000
    png = saved(Image.fromarray(picture), "PNG")
    chunk = packed(b"eXIf", exif)
    began_s = time.thread_time()
    assert np.array_equal(decode_image(png[:33] + chunk + png[33:], LIMITS), picture)
    assert time.thread_time() - began_s < 0.5


def test_png_with_a_compressed_text_bomb_is_refused(picture: RgbImage) -> None:
    height, width = picture.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    bomb = b"comment\0\0" + zlib.compress(b"\0" * 50_000_000)
    rows = b"".join(b"\0" + row.tobytes() for row in picture)
    file = join([(b"IHDR", header), (b"zTXt", bomb), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")])
    with pytest.raises(InvalidImage):
        decode_image(file, LIMITS)
