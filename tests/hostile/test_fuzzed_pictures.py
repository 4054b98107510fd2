"""Damaged pictures, by the thousand: each is refused, or decoded as a second decoder sees it."""

import contextlib
import random
import time

import psutil
import pytest

from frontend.data_uri import image_bytes
from frontend.decoding import decode_image
from frontend.errors import ImageMissing, InvalidImage
from tests.hostile.__main__ import fuzz
from tests.hostile.cases import picture_case, seeds
from tests.hostile.mutations import base64_text, jpeg, png
from tests.hostile.verdicts import LONGEST_S, examine, limits

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

SEED = 1
CASES = 20_000
TEXT_CASES = 5_000
GROWTH_BYTES = 64 * 1024 * 1024


def test_20_000_damaged_pictures() -> None:
    fuzz(SEED, CASES, 1_000)  # what the process takes once
    before = psutil.Process().memory_info().rss
    accepted, longest_s, findings = fuzz(SEED, 0, CASES)
    assert not findings, "\n".join(findings[:20])
    assert longest_s < LONGEST_S
    assert CASES // 10 < accepted < CASES // 2, "the mutations damage nothing, or everything beyond recognition"
    assert psutil.Process().memory_info().rss - before < GROWTH_BYTES


def test_the_same_seed_makes_the_same_case() -> None:
    assert picture_case(SEED, 17) == picture_case(SEED, 17)
    assert picture_case(SEED, 17) != picture_case(SEED + 1, 17)


def test_every_seed_is_a_sound_picture_that_can_be_taken_apart() -> None:
    jpegs, pngs = seeds()
    for file in (*jpegs, *pngs):
        assert decode_image(file, limits()).shape in {(61, 53, 3), (53, 61, 3)}
    assert [jpeg.join(jpeg.split(file)) for file in jpegs] == jpegs
    assert [png.join(png.split(file)) for file in pngs] == pngs


def test_damaged_base64() -> None:
    jpegs, pngs = seeds()
    taken = 0
    for number in range(TEXT_CASES):
        rng = random.Random(number)
        file = rng.choice((*jpegs, *pngs))
        text = rng.choice(base64_text.MUTATIONS)(rng, file)
        began_s = time.thread_time()
        with contextlib.suppress(InvalidImage, ImageMissing):
            taken += image_bytes(text).startswith(file[:4])
        assert time.thread_time() - began_s < LONGEST_S, number
    assert TEXT_CASES // 20 < taken < TEXT_CASES


@pytest.mark.parametrize("scans", [17, 90])
def test_progressive_scans_by_the_dozen_are_refused_where_each_costs_much(scans: int) -> None:
    """A file of 300 KB that would keep a core busy for seconds."""
    segments = jpeg.split(seeds()[0][3])
    size = (7_000).to_bytes(2, "big")
    segments = [
        jpeg.Segment(s.marker, s.content[:1] + size + size + s.content[5:]) if s.marker in jpeg.FRAMES else s
        for s in segments
    ]
    last = max(i for i, segment in enumerate(segments) if segment.marker == jpeg.SOS)
    segments[last:last] = [segments[last]] * scans
    began_s = time.thread_time()
    with pytest.raises(InvalidImage, match="too many scans"):
        decode_image(jpeg.join(segments), limits())
    assert time.thread_time() - began_s < 0.1


def test_png_whose_samples_would_fill_the_memory_is_refused() -> None:
    header = (7_000).to_bytes(4, "big") * 2 + bytes((16, 6, 0, 0, 0))
    file = png.join([(b"IHDR", header), (b"IDAT", png.bomb(40_000_000)), (b"IEND", b"")])
    with pytest.raises(InvalidImage, match="too many bytes"):
        decode_image(file, limits())


@pytest.mark.parametrize("number", [32_329, 50_040])
def test_an_orientation_between_two_is_none(number: int) -> None:
    """Found by the fuzzer with seed 3: 8.0006 was taken for 8."""
    finding = examine(picture_case(3, number)[1], limits())[2]
    assert finding is None
