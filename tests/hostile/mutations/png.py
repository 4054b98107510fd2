"""Damage to the structure of a PNG file (W3C, PNG, third edition): its chunks, checksums and compressed streams."""

import random
import struct
import zlib
from functools import lru_cache

SIGNATURE = b"\x89PNG\r\n\x1a\n"
Chunk = tuple[bytes, bytes]


def split(file: bytes) -> list[Chunk]:
    """The chunks of a sound file, as (type, content)."""
    chunks, at = [], len(SIGNATURE)
    while at < len(file):
        length = int.from_bytes(file[at : at + 4], "big")
        chunks.append((file[at + 4 : at + 8], file[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def packed(kind: bytes, content: bytes, *, length: int | None = None, crc: int | None = None) -> bytes:
    length = len(content) if length is None else length
    crc = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", length & 0xFFFFFFFF) + kind + content + struct.pack(">I", crc)


def join(chunks: list[Chunk]) -> bytes:
    return SIGNATURE + b"".join(packed(*chunk) for chunk in chunks)


@lru_cache(maxsize=4)
def bomb(size: int) -> bytes:
    """`size` zero bytes, compressed a thousandfold."""
    return zlib.compress(b"\0" * size, 9)


def wrong_length(rng: random.Random, file: bytes) -> bytes:
    chunks = split(file)
    at = rng.randrange(len(chunks))
    true = len(chunks[at][1])
    length = rng.choice((0, 1, true - 1, true + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
    return SIGNATURE + b"".join(packed(*c, length=length if i == at else None) for i, c in enumerate(chunks))


def wrong_crc(rng: random.Random, file: bytes) -> bytes:
    chunks = split(file)
    at = rng.randrange(len(chunks))
    return SIGNATURE + b"".join(packed(*c, crc=rng.randrange(2**32) if i == at else None) for i, c in enumerate(chunks))


def other_header(rng: random.Random, file: bytes) -> bytes:
    (_, header), *rest = split(file)
    width, height, *fields = struct.unpack(">IIBBBBB", header)
    at = rng.randrange(5)
    fields[at] = rng.choice((0, 1, 2, 3, 4, 6, 8, 16, 255))
    if rng.random() < 0.3:
        width, height = (rng.choice((0, 1, width, 4_000, 12_000, 60_000, 0x7FFFFFFF, 0xFFFFFFFF)) for _ in range(2))
    return join([(b"IHDR", struct.pack(">IIBBBBB", width, height, *fields)), *rest])


def header_that_is_no_header(rng: random.Random, file: bytes) -> bytes:
    first, *rest = split(file)
    return join(rng.choice(([*rest], [first, first, *rest], [(b"CgBI", b"\0" * 4), first, *rest], [*rest, first])))


def other_order(rng: random.Random, file: bytes) -> bytes:
    chunks = split(file)
    rng.shuffle(chunks)
    return join(chunks)


def lose_or_repeat_a_chunk(rng: random.Random, file: bytes) -> bytes:
    chunks = split(file)
    at = rng.randrange(len(chunks))
    chunks[at : at + 1] = [chunks[at]] * rng.choice((0, 2, 50))
    return join(chunks)


def other_type(rng: random.Random, file: bytes) -> bytes:
    chunks = split(file)
    at = rng.randrange(len(chunks))
    kind = bytearray(chunks[at][0])
    kind[rng.randrange(4)] ^= rng.choice((0x20, 0x20, 0x80, 0x01))
    chunks[at] = (bytes(kind), chunks[at][1])
    return join(chunks)


def insert_chunk(rng: random.Random, file: bytes) -> bytes:
    """A sound or an absurd ancillary chunk, or a critical one that nobody knows."""
    noise = rng.randbytes(rng.choice((0, 1, 12, 300)))
    names = (
        "gAMA cHRM sRGB iCCP tRNS PLTE bKGD pHYs tIME hIST sBIT eXIf acTL fcTL fdAT sPLT ABCD abCd IDAT IEND cICP 0000"
    )
    kind = rng.choice(names.split()).encode()
    chunks = split(file)
    chunks.insert(rng.randrange(1, len(chunks)), (kind, noise))
    return join(chunks)


def text(rng: random.Random, file: bytes) -> bytes:
    """Text chunks: zip bombs, missing separators, unknown compression, no UTF-8."""
    size = rng.choice((100, 60_000, 2_000_000, 40_000_000))
    content = rng.choice(
        (
            (b"zTXt", b"Comment\0\0" + bomb(size)),
            (b"iTXt", b"Comment\0\1\0en\0\0" + bomb(size)),
            (b"iCCP", b"profile\0\0" + bomb(size)),
            (b"zTXt", b"Comment\0\7" + bomb(100)),
            (b"zTXt", b"Comment" * 30),
            (b"iTXt", b"\xff\0\0\0\xff\xfe\0\xff\0\xff"),
            (b"tEXt", b"Raw profile type exif\0\nexif\n  99999999\n" + b"4d4d" * 20),
            (b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 20\nzz")),
            (b"tEXt", b"XML:com.adobe.xmp\0" + b"<" * 1000),
        )
    )
    chunks = split(file)
    at = rng.choice((1, len(chunks) - 1))
    return join([*chunks[:at], *[content] * rng.choice((1, 1, 3)), *chunks[at:]])


def exif(rng: random.Random, file: bytes) -> bytes:
    """An eXIf chunk with an orientation of any value and type, or nonsense."""
    entry = struct.pack(
        ">HHIHH", 0x0112, rng.choice((3, 3, 1, 2, 5, 12)), rng.choice((1, 1, 0, 2**31)), rng.randrange(11), 0
    )
    tiff = b"MM\0*" + struct.pack(">IH", rng.choice((8, 8, 0, 2**32 - 1)), rng.choice((1, 1, 0, 9))) + entry
    chunks = split(file)
    at = rng.choice((1, len(chunks) - 1))
    return join([*chunks[:at], (b"eXIf", tiff + b"\0" * rng.choice((0, 4))), *chunks[at:]])


def palette(rng: random.Random, file: bytes) -> bytes:
    """A palette and transparency too long, too short, or where none belongs."""
    chunks = split(file)
    at = next(i for i, (kind, _) in enumerate(chunks) if kind == b"IDAT")
    extra = [
        (b"PLTE", rng.randbytes(rng.choice((0, 1, 3, 6, 768, 771)))),
        (b"tRNS", rng.randbytes(rng.choice((0, 2, 6, 256, 300)))),
    ]
    return join([*chunks[:at], *rng.sample(extra, rng.choice((1, 2))), *chunks[at:]])


def pixels(rng: random.Random, file: bytes) -> bytes:
    """The compressed pixels: a bomb, too few, too many, another filter, a broken or needless zlib stream."""
    chunks = split(file)
    stream = b"".join(content for kind, content in chunks if kind == b"IDAT")
    others = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    rows = bytearray(zlib.decompress(stream))
    choice = rng.randrange(8)
    if choice == 0:
        stream = bomb(40_000_000)
    elif choice == 1:
        stream = zlib.compress(bytes(rows[: rng.randrange(len(rows))]), 1)
    elif choice == 2:
        stream = zlib.compress(bytes(rows) + b"\0" * rng.choice((1, 100_000)), 1)
    elif choice == 3:
        stream = zlib.compress(bytes(rows), 1)[2:]
    elif choice == 4:
        stream = stream[:-4] + rng.randbytes(4)
    elif choice == 5:
        stream = stream[: rng.randrange(len(stream))]
    elif choice == 6:
        stream = stream + stream
    else:
        damaged = bytearray(stream)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        stream = bytes(damaged)
    size = rng.choice((1, 7, 500, 8192, len(stream) + 1))
    size = max(size, len(stream) // 3000 + 1)
    pieces = [(b"IDAT", stream[at : at + size]) for at in range(0, len(stream), size)]
    return join([*others[:-1], *pieces, others[-1]])


def filters(rng: random.Random, file: bytes) -> bytes:
    """The same rows behind another filter byte, one that does not exist among them."""
    chunks = split(file)
    stream = b"".join(content for kind, content in chunks if kind == b"IDAT")
    others = [chunk for chunk in chunks if chunk[0] != b"IDAT"]
    rows = bytearray(zlib.decompress(stream))
    for _ in range(rng.choice((1, 5))):
        rows[rng.randrange(len(rows))] = rng.choice((0, 1, 2, 3, 4, 5, 255))
    rows[0] = rng.choice((0, 1, 2, 3, 4, 5, 255))
    return join([*others[:-1], (b"IDAT", zlib.compress(bytes(rows), 1)), others[-1]])


MUTATIONS = (
    wrong_length,
    wrong_crc,
    other_header,
    header_that_is_no_header,
    other_order,
    lose_or_repeat_a_chunk,
    other_type,
    insert_chunk,
    text,
    exif,
    palette,
    pixels,
    filters,
)
