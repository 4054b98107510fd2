"""What a JPEG file would cost its decoders, by its segments (ITU-T T.81, B.1), before any of them begins."""

import re
from collections.abc import Iterator

import numpy as np

_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_START_OF_SCAN_WORD = 0xDAFF  # as a little-endian word
_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd9-\xfe]")  # those that have a length, and the end of the image
_EXIF = b"Exif\0\0"
_COMMENT = b"\xff\xfe"
_PROFILE = re.compile(rb"\xff\xe2(?=..ICC_PROFILE\0)", re.DOTALL)
_JFIF_REVISION = re.compile(rb"(?<=\xff\xe0..JFIF\0).", re.DOTALL)
_MAX_SEGMENTS = 1_000
_MAX_EXIF_SEGMENTS = 16
_MAX_PADDING_BYTES = 64 * 1024


def has_a_long_head(data: bytes) -> bool:
    """Whether more comes before the first scan than any camera writes.

    Pillow goes through it segment by segment, and through what is between them byte by byte, a second for every 2 MB;
    it copies what it has of EXIF for each further segment of it.
    """
    padding_bytes = exif_segments = 0
    for marker, before_bytes, length_at in _segments(data):
        padding_bytes += before_bytes
        if padding_bytes > _MAX_PADDING_BYTES:
            return True
        if marker in {_START_OF_SCAN, _END_OF_IMAGE}:
            return False
        exif_segments += data.startswith(_EXIF, length_at + 2)
        if exif_segments > _MAX_EXIF_SEGMENTS:
            return True
    return True


def without_remarks(data: bytes) -> bytes:
    """The same picture to a decoder that cares for neither colour profiles nor the revision of JFIF.

    A profile in pieces of which one is lost, or there twice, says nothing against the pixels.
    """
    return _JFIF_REVISION.sub(b"\1", _PROFILE.sub(_COMMENT, data))


def has_more_scans(data: bytes, most: int) -> bool:
    """Whether the picture has more than this number of scans; what follows its end, as a phone's film does, is none.

    Mostly counting the two bytes that begin a scan, wherever they are, is enough; it costs a tenth of `bytes.count`,
    5 % of the decoding. Segments by the thousand count as too many scans.
    """
    words = (np.frombuffer(data, "<u2", (len(data) - first) // 2, first) for first in (0, 1))
    if sum(int(np.count_nonzero(word == _START_OF_SCAN_WORD)) for word in words) <= most:
        return False
    scans = 0
    for marker, _, _ in _segments(data):
        if marker == _END_OF_IMAGE:
            return False
        scans += marker == _START_OF_SCAN
        if scans > most:
            return True
    return True


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Of each segment the marker, the number of bytes between it and the one before, and where its length stands.

    The last is the end of the image, or of the data, unless there are more than _MAX_SEGMENTS.
    """
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.search(data, position)
        start = found.start() if found else len(data)
        marker = found.group()[1] if found else _END_OF_IMAGE
        yield marker, start - position, start + 2
        if marker == _END_OF_IMAGE:
            return
        position = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
