"""What a PNG file says of itself before any pixel is made, and whether all of its pixels are there."""

import struct
import zlib
from collections.abc import Iterator

from frontend.errors import InvalidImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""By colour type."""
_MAX_CHUNKS = 20_000
"""Encoders put 4 KiB or more into one of them; empty ones by the million keep Pillow busy for seconds."""
_COMPRESSED = (b"iCCP", b"zTXt", b"iTXt")
_MAX_COMPRESSED_CHUNKS = 100
"""Each may become 1 MiB, for nobody: 1,000 of them keep Pillow busy for two seconds."""
_PALETTE = 3
_WHOLE = ((0, 0, 1, 1),)
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""Of each pass over an interlaced picture the first column and row, and the steps to the next."""
_PIECE_BYTES = 64 * 1024
"""Of a compressed stream, and of what comes out of it: so it stays within a core's caches."""


def header_of(data: bytes) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type.

    Raises InvalidImage unless the file begins with a header and has no second one, for decoders go by the last before
    the pixels, and unless it has the one palette that its pixels are numbers in, if they are: Pillow takes them for
    grey where it has none. See https://www.w3.org/TR/png-3/#5Chunk-layout and the sections after it.
    """
    compressed = palettes = 0
    pixels_begun = False
    for number, (name, _, _) in enumerate(_chunks(data)):
        if number == _MAX_CHUNKS:
            raise InvalidImage("too many PNG chunks")
        if (name == b"IHDR") != (number == 0):
            raise InvalidImage("PNG header not there, or not alone")
        compressed += name in _COMPRESSED
        if compressed > _MAX_COMPRESSED_CHUNKS:
            raise InvalidImage("too many compressed PNG chunks")
        pixels_begun |= name == b"IDAT"
        palettes += name == b"PLTE" and not pixels_begun
    try:
        width, height, depth, colour_type = struct.unpack_from(">IIBB", data, len(SIGNATURE) + 8)
    except struct.error:
        raise InvalidImage("PNG header cut short") from None
    if colour_type == _PALETTE and palettes != 1:
        raise InvalidImage("PNG palette not there, or not alone")
    return width, height, depth, colour_type


def has_all_pixels(data: bytes) -> bool:
    """Whether a file with a sound header holds as many bytes of pixels as that says; zlib.error where they are damaged.

    It unpacks them, which is most of a PNG's decoding.
    """
    missing_bytes = _bytes_of_pixels(*struct.unpack_from(">IIBBxxB", data, len(SIGNATURE) + 8))
    stream = zlib.decompressobj()
    for name, start, end in _chunks(data):
        for at in range(start, end if name == b"IDAT" else start, _PIECE_BYTES):
            packed = data[at : min(at + _PIECE_BYTES, end)]
            while packed:
                missing_bytes -= len(stream.decompress(packed, _PIECE_BYTES))
                if missing_bytes <= 0 or stream.eof:
                    return missing_bytes <= 0
                packed = stream.unconsumed_tail
    return missing_bytes <= len(stream.flush())


def _bytes_of_pixels(width: int, height: int, depth: int, colour_type: int, interlaced: int) -> int:
    """Unpacked, with the byte before each row that says how it is filtered."""
    total = 0
    for left, top, right, down in _ADAM7 if interlaced else _WHOLE:
        columns, rows = len(range(left, width, right)), len(range(top, height, down))
        if columns:
            total += rows * (1 + (columns * depth * CHANNELS[colour_type] + 7) // 8)
    return total


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The name of each chunk before the end of the picture, and where its content starts and ends."""
    start = len(SIGNATURE) + 8
    while len(framing := data[start - 8 : start]) == 8 and not framing.endswith(b"IEND"):
        end = start + int.from_bytes(framing[:4], "big")
        yield framing[4:], start, end
        start = end + 12  # a checksum, then the next one's length and name
