"""Damage to the structure of a JPEG file (ITU-T T.81, annex B): its segments, tables, frames and scans."""

import random
import struct
from dataclasses import dataclass

SOF_BASELINE, SOF_PROGRESSIVE, DHT, SOI, EOI, SOS, DQT, DNL, DRI = 0xC0, 0xC2, 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD
APP0, APP1, APP2, APP14, COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
HUGE = (0, 1, 255, 12_000, 12_001, 32_767, 65_500, 65_535)


@dataclass(frozen=True)
class Segment:
    """A marker, its content without the length, and the entropy-coded bytes that follow it."""

    marker: int
    content: bytes
    coded: bytes = b""

    def packed(self, length: int | None = None) -> bytes:
        length = len(self.content) + 2 if length is None else length
        return struct.pack(">BBH", 0xFF, self.marker, length & 0xFFFF) + self.content + self.coded


def split(file: bytes) -> list[Segment]:
    """The segments between SOI and EOI of a sound file."""
    segments, at = [], 2
    while file[at + 1] != EOI:
        marker, length = file[at + 1], int.from_bytes(file[at + 2 : at + 4], "big")
        end = coded_end = at + 2 + length
        if marker == SOS:
            while not (file[coded_end] == 0xFF and file[coded_end + 1] not in {0, *range(0xD0, 0xD8)}):
                coded_end += 1
        segments.append(Segment(marker, file[at + 4 : end], file[end:coded_end]))
        at = coded_end
    return segments


def join(segments: list[Segment]) -> bytes:
    return b"\xff\xd8" + b"".join(segment.packed() for segment in segments) + b"\xff\xd9"


def _index(rng: random.Random, segments: list[Segment], markers: frozenset[int] | set[int]) -> int:
    return rng.choice([i for i, segment in enumerate(segments) if segment.marker in markers])


def wrong_length(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = rng.randrange(len(segments))
    true = len(segments[at].content) + 2
    length = rng.choice((0, 1, 2, true - 1, true + 1, true + 1000, 0xFFFF))
    return (
        b"\xff\xd8"
        + b"".join(segment.packed(length if i == at else None) for i, segment in enumerate(segments))
        + b"\xff\xd9"
    )


def other_marker(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = rng.randrange(len(segments))
    segments[at] = Segment(rng.randrange(256), segments[at].content, segments[at].coded)
    return join(segments)


def other_order(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    rng.shuffle(segments)
    return join(segments)


def lose_or_repeat_a_segment(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = rng.randrange(len(segments))
    segments[at : at + 1] = [segments[at]] * rng.choice((0, 2, 2, 5, 60, 130))
    return join(segments)


def other_content(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = rng.randrange(len(segments))
    content = bytearray(segments[at].content)
    for _ in range(rng.choice((1, 1, 3))):
        if content:
            content[rng.randrange(len(content))] = rng.choice((0, 1, 2, 0x11, 0x22, 0x7F, 0xFF, rng.randrange(256)))
    segments[at] = Segment(segments[at].marker, bytes(content), segments[at].coded)
    return join(segments)


def other_dimensions(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, FRAMES)
    frame = segments[at]
    size = struct.pack(">HH", rng.choice(HUGE), rng.choice(HUGE))
    segments[at] = Segment(frame.marker, frame.content[:1] + size + frame.content[5:])
    return join(segments)


def other_sampling(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, FRAMES)
    frame = bytearray(segments[at].content)
    component = rng.randrange(frame[5])
    frame[6 + 3 * component + 1] = rng.choice((0, 0x11, 0x12, 0x21, 0x22, 0x14, 0x41, 0x44, 0x31, 0x13, 0xFF))
    segments[at] = Segment(segments[at].marker, bytes(frame))
    return join(segments)


def other_precision_or_components(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, FRAMES)
    frame = bytearray(segments[at].content)
    if rng.random() < 0.5:
        frame[0] = rng.choice((0, 1, 2, 12, 16, 255))
    else:
        frame[5] = rng.choice((0, 1, 2, 4, 5, 255))
    segments[at] = Segment(segments[at].marker, bytes(frame))
    return join(segments)


def other_process(rng: random.Random, file: bytes) -> bytes:
    """Claims arithmetic coding, lossless or hierarchical frames, or progression (SOF1 to SOF15)."""
    segments = split(file)
    at = _index(rng, segments, FRAMES)
    segments[at] = Segment(rng.choice(sorted(FRAMES)), segments[at].content)
    if rng.random() < 0.5:
        segments.insert(at, Segment(0xCC, bytes(rng.choices((0x00, 0x10, 0x11, 0x01, 0xFF), k=rng.choice((2, 4, 5))))))
    return join(segments)


def restart_intervals(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, {SOS})
    segments.insert(at, Segment(DRI, struct.pack(">H", rng.choice((0, 1, 2, 7, 65_535)))))
    return join(segments)


def restart_markers(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, {SOS})
    coded = segments[at].coded
    for _ in range(rng.choice((1, 5, 50))):
        cut = rng.randrange(len(coded) + 1)
        coded = coded[:cut] + bytes((0xFF, 0xD0 + rng.randrange(8))) + coded[cut:]
    segments[at] = Segment(SOS, segments[at].content, coded)
    return join(segments)


def scans(rng: random.Random, file: bytes) -> bytes:
    """More scans, in another order, with other spectral selection or successive approximation."""
    segments = split(file)
    at = _index(rng, segments, {SOS})
    scan = segments[at]
    content = bytearray(scan.content)
    content[-rng.choice((1, 2, 3))] = rng.choice((0, 1, 5, 0x01, 0x10, 0x21, 63, 64, 0xFF))
    segments[at + 1 : at + 1] = [Segment(SOS, bytes(content), scan.coded)] * rng.choice((1, 2, 20, 99, 120, 500))
    return join(segments)


def coded_bytes(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, {SOS})
    coded = bytearray(segments[at].coded)
    kind = rng.randrange(4)
    if kind == 0:
        del coded[rng.randrange(len(coded)) :]
    elif kind == 1:
        coded[rng.randrange(len(coded))] = rng.randrange(256)
    elif kind == 2:
        coded += rng.randbytes(rng.choice((1, 100)))
    else:
        coded[:] = b"\xff\x00" * len(coded)
    segments[at] = Segment(SOS, segments[at].content, bytes(coded))
    return join(segments)


def huffman_tables(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, {DHT})
    table = bytearray(segments[at].content)
    for _ in range(rng.choice((1, 2, 16))):
        table[rng.randrange(min(17, len(table)))] = rng.choice((0, 1, 2, 16, 255))
    segments[at] = Segment(DHT, bytes(table))
    return join(segments)


def quantisation(rng: random.Random, file: bytes) -> bytes:
    segments = split(file)
    at = _index(rng, segments, {DQT})
    table = bytearray(segments[at].content)
    table[0] = rng.choice((table[0], table[0], 0x10, 0x04, 0xF0))
    for _ in range(rng.choice((1, 64))):
        table[rng.randrange(1, len(table))] = rng.choice((0, 1, 255))
    segments[at] = Segment(DQT, bytes(table))
    return join(segments)


def exif(rng: random.Random, file: bytes) -> bytes:
    """An Exif block of sound and of absurd directories: loops, huge counts, odd types of the orientation."""
    order, pack = rng.choice(((b"II*\0", "<"), (b"MM\0*", ">")))
    tag_type, count = rng.choice((0, 1, 2, 3, 4, 5, 7, 10, 12, 13, 99)), rng.choice((0, 1, 1, 1, 2, 0xFFFFFFFF))
    value = struct.pack(pack + "HH", rng.choice((0, 1, 3, 6, 8, 9, 255, 65_535)), 0)
    entries = struct.pack(pack + "HHI", rng.choice((0x0112, 0x0112, 0x8769, 0x8825, 0x927C)), tag_type, count) + value
    directories = rng.choice((1, 1, 3))
    body = struct.pack(pack + "H", rng.choice((1, 1, directories, 0xFFFF))) + entries * directories
    tiff = order + struct.pack(pack + "I", rng.choice((8, 8, 8, 0, 4, 0xFFFFFFF0))) + body
    tiff += struct.pack(pack + "I", rng.choice((0, 8, 0xFFFFFFFF)))
    segments = split(file)
    segments.insert(rng.choice((0, 1)), Segment(APP1, b"Exif\0\0" + tiff[: rng.choice((len(tiff), len(tiff), 7, 12))]))
    return join(segments)


def colour(rng: random.Random, file: bytes) -> bytes:
    """Adobe's APP14 with every transform, ICC profiles in torn pieces, JFIF with a thumbnail that is not there."""
    extra = rng.choice(
        (
            Segment(APP14, b"Adobe\0\x64\0\0\0\0" + bytes([rng.choice((0, 1, 2, 3, 255))])),
            Segment(APP14, b"Adobe"),
            Segment(APP2, b"ICC_PROFILE\0" + bytes((rng.randrange(4), rng.randrange(4))) + rng.randbytes(200)),
            Segment(APP2, b"MPF\0" + rng.randbytes(60)),
            Segment(APP0, b"JFIF\0\x01\x02\x01\0\x48\0\x48\xff\xff"),
            Segment(0xED, b"Photoshop 3.0\x008BIM" + rng.randbytes(30)),
            Segment(COM, rng.randbytes(60_000)),
        )
    )
    segments = split(file)
    segments.insert(rng.randrange(min(3, len(segments))), extra)
    return join(segments)


def fill_bytes_and_lines(rng: random.Random, file: bytes) -> bytes:
    """Fill bytes before a marker, and the number of lines given after the first scan (DNL) in place of the frame."""
    segments = split(file)
    if rng.random() < 0.5:
        return b"\xff\xd8" + b"".join(b"\xff" * rng.choice((0, 3, 900)) + s.packed() for s in segments) + b"\xff\xd9"
    at = _index(rng, segments, FRAMES)
    frame = segments[at].content
    segments[at] = Segment(segments[at].marker, frame[:1] + b"\0\0" + frame[3:])
    segments.append(Segment(DNL, frame[1:3]))
    return join(segments)


MUTATIONS = (
    wrong_length,
    other_marker,
    other_order,
    lose_or_repeat_a_segment,
    other_content,
    other_dimensions,
    other_sampling,
    other_precision_or_components,
    other_process,
    restart_intervals,
    restart_markers,
    scans,
    coded_bytes,
    huffman_tables,
    quantisation,
    exif,
    colour,
    fill_bytes_and_lines,
)
