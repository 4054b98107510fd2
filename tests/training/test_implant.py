"""An implant is the one picture about the face and the other around it, at the surround's size and in its form."""

import numpy as np
import pytest

from frontend.faces import FaceBox
from training.implant import implant
from training.regions import Region

FACE, SURROUND = 200, 50
SEEDS = range(24)


def plain(height, width, level, box):
    return Region(np.full((height, width, 3), level, np.uint8), FaceBox(*box, 1.0))


SMALL = plain(90, 120, FACE, (50, 30, 20, 18))
LARGE = plain(300, 260, SURROUND, (90, 110, 60, 64))


def made(seed, face=SMALL, surround=LARGE):
    return implant(face, surround, np.random.default_rng(seed)).pixels


def test_the_face_is_replaced_and_the_surround_stays():
    for seed in SEEDS:
        found = made(seed)
        assert (found.shape, found.dtype) == (LARGE.pixels.shape, np.uint8)
        assert (found[142, 120] == found[130:154, 108:132]).all()
        assert (found[:20] == SURROUND).all()
        assert (found[280:] == SURROUND).all()
    assert (LARGE.pixels == SURROUND).all()


def test_the_patch_is_one_to_two_boxes_wide_around_the_face():
    for seed in SEEDS:
        strength = made(seed).astype(float)[..., 0] - SURROUND
        if strength.any():  # its colours are its own
            rows, columns = np.nonzero(strength > strength.max() / 2)
            assert 0.8 * 64 < np.ptp(rows) + 1 < 2.3 * 64
            assert 0.8 * 64 < np.ptp(columns) + 1 < 2.3 * 64
            assert (rows.mean(), columns.mean()) == pytest.approx((141.5, 119.5), abs=4)


def test_colours_are_those_of_the_face_or_those_of_what_it_covers():
    middles = {int(made(seed)[142, 120, 0]) for seed in SEEDS}
    assert middles == {FACE, SURROUND}


def test_edges_are_hard_or_feathered():
    levels = {len(np.unique(made(seed))) for seed in SEEDS}
    assert {1, 2} < levels
    assert max(levels) > 10


def test_it_repeats_with_its_seed_and_differs_with_another():
    first, again = ([made(seed) for seed in SEEDS] for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    assert len({one.tobytes() for one in first}) > len(SEEDS) / 3


@pytest.mark.parametrize("box", [(0, 0, 60, 64), (200, 236, 60, 64), (-8, 270, 60, 64)])
def test_a_face_at_the_border_is_cut_off_there(box):
    found = [made(seed, surround=plain(300, 260, SURROUND, box)) for seed in SEEDS]
    assert any((one == FACE).any() for one in found)


def test_a_large_face_is_brought_to_the_size_of_a_small_one():
    ramp = np.repeat(np.linspace(0, 255, 260).astype(np.uint8)[None, :, None], 300, 0)
    large = Region(np.repeat(ramp, 3, 2), LARGE.box)
    found = [made(seed, face=large, surround=SMALL)[39] for seed in SEEDS]
    own = next(row for row in found if row[60, 0] != SURROUND and np.ptp(row[54:66, 0]) > 0 and row[60, 0] > 100)
    slope = np.diff(own[54:67, 0].astype(float)).mean()
    assert slope == pytest.approx(255 / 260 * 64 / 20, rel=0.1)
