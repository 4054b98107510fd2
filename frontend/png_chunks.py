"""What a PNG file says of itself before any pixel is made."""

import struct

from frontend.errors import InvalidImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 20_000
"""Encoders put 4 KiB or more into one of them; empty ones by the million keep Pillow busy for seconds."""
_COMPRESSED = (b"iCCP", b"zTXt", b"iTXt")
_MAX_COMPRESSED_CHUNKS = 100
"""Each may become 1 MiB, for nobody: 1,000 of them keep Pillow busy for two seconds."""
_FRAMING_BYTES = 12


def header_of(data: bytes) -> tuple[int, int, int, int]:
    """Width, height, bit depth and colour type.

    Raises InvalidImage unless the file begins with a header and has no second one: decoders go by the last before the
    pixels. See https://www.w3.org/TR/png-3/#5Chunk-layout and the sections after it.
    """
    position, compressed = len(SIGNATURE), 0
    for number in range(_MAX_CHUNKS):
        chunk = data[position : position + 8]
        if len(chunk) < 8 or chunk.endswith(b"IEND"):
            break
        if chunk.endswith(b"IHDR") != (number == 0):
            raise InvalidImage("PNG header not there, or not alone")
        compressed += chunk.endswith(_COMPRESSED)
        if compressed > _MAX_COMPRESSED_CHUNKS:
            raise InvalidImage("too many compressed PNG chunks")
        position += _FRAMING_BYTES + int.from_bytes(chunk[:4], "big")
    else:
        raise InvalidImage("too many PNG chunks")
    try:
        width, height, depth, colour_type = struct.unpack_from(">IIBB", data, len(SIGNATURE) + 8)
    except struct.error:
        raise InvalidImage("PNG header cut short") from None
    return width, height, depth, colour_type
