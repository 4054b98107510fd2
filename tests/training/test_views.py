"""Changes of pictures are drawn from the generator alone, and leave the picture's form as it is."""

import numpy as np
import pytest
from skimage import data

from frontend.faces import FaceDetector
from training.augment import DEGRADATIONS, heavy
from training.recapture import recapture
from training.regions import load_regions, region_of, save_regions, without_padding
from training.views import changed, training_requests

IS_LIVE = [i % 2 == 0 for i in range(40)]
SOURCES = ["one" if i < 20 else "other" for i in range(40)]


@pytest.fixture(scope="module")
def portrait():
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="module")
def region(portrait):
    return region_of(portrait, FaceDetector(0.5).detect(portrait)[0])


@pytest.mark.parametrize("change", [heavy, recapture, *DEGRADATIONS.values()])
def test_a_change_repeats_with_its_seed_and_keeps_the_form(portrait, change):
    seeds = range(6)
    first, again = ([change(portrait, np.random.default_rng(seed), 140.0) for seed in seeds] for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
    assert all((one.shape, one.dtype) == (portrait.shape, portrait.dtype) for one in first)
    assert sum((one != portrait).any() for one in first) >= 4


def test_recaptures_of_one_picture_differ(portrait):
    made = [recapture(portrait, np.random.default_rng(seed), 140.0).astype(int) for seed in range(8)]
    assert all(np.abs(one - other).mean() > 2 for i, one in enumerate(made) for other in made[:i])


def test_a_mirrored_view_has_its_face_mirrored(region):
    width = region.pixels.shape[1]
    lefts = {round(changed(region, "heavy", np.random.default_rng(seed))[1].left, 3) for seed in range(12)}
    assert lefts == {round(region.box.left, 3), round(width - region.box.left - region.box.width, 3)}


def test_a_region_is_read_as_it_was_written(region, tmp_path):
    save_regions(tmp_path / "regions", [region, region])
    for found in load_regions(tmp_path / "regions"):
        assert (found.pixels == region.pixels).all()
        assert found.box == region.box
    assert not list(tmp_path.glob("*.part"))


def test_black_padding_is_cut_off_and_a_dark_picture_is_not(portrait):
    padded = np.zeros((640, 640, 3), np.uint8)
    padded[64:576, 100:612] = portrait
    assert without_padding(padded).shape[:2] == pytest.approx(portrait.shape[:2], abs=6)
    dark = portrait // 16
    assert without_padding(dark).shape == dark.shape


def test_only_live_pictures_are_recaptured_and_only_training_images_are_shown():
    requests = training_requests(range(10, 30), IS_LIVE, SOURCES, rounds=5, seed=3)
    assert {request.image for request in requests} == set(range(10, 30))
    assert all(IS_LIVE[request.image] for request in requests if request.kind == "recapture")
    assert {request.mate for request in requests} <= {-1, *range(10, 30)}
    assert len({(request.image, request.seed) for request in requests}) == len(requests)
    assert sum(request.kind != "implant" for request in requests) == 100


def test_faces_of_both_classes_are_implanted_into_other_live_pictures():
    requests = training_requests(range(40), IS_LIVE, SOURCES, rounds=30, seed=3)
    implants = [request for request in requests if request.kind == "implant"]
    assert len(implants) == pytest.approx(40 * 30 / 3, rel=0.15)
    assert sum(IS_LIVE[request.image] for request in implants) == pytest.approx(len(implants) / 2, rel=0.15)
    assert all(IS_LIVE[request.mate] and request.mate != request.image for request in implants)
    near = sum(SOURCES[request.mate] == SOURCES[request.image] for request in implants)
    assert near / len(implants) == pytest.approx(0.75, abs=0.07)  # half by wish, and half of the others by chance


def test_a_single_live_image_has_its_own_surround():
    requests = training_requests(range(6), [True] + 5 * [False], 6 * ["one"], 5, 1)
    assert {request.mate for request in requests if request.kind == "implant"} == {0}
