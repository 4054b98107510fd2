"""A network trained anew without each source, judged on it, and kept row by row."""

from dataclasses import replace

import numpy as np
import pytest
from skimage import data

from frontend.faces import FaceDetector
from training import leave_one_source_out as module
from training.errors import TrainingRefused
from training.leave_one_source_out import Images, leave_one_source_out
from training.recapture import recapture
from training.regions import Region, region_of
from training.targets import Shares
from training.train import People, Recipe
from training.views import make_views, training_requests

RECIPE = Recipe(seed=2, epochs=2, batch=8, learning_rate=1e-3, warmup_steps=2, shares=Shares(0.6, 0.0, 0.4))
SOURCES = [name for name in "abc" for _ in range(10)]
IS_LIVE = [i % 2 == 0 for i in range(30)]
HELD_BACK = [i % 10 >= 8 for i in range(30)]


class OneWrong:
    """A two-crop model that takes all for live, and public networks that say nothing."""

    names = ("two_crop", "a", "b", "c")

    def logits(self, image, box):
        return [12.0, 0.0, 0.0, 0.0]


@pytest.fixture(scope="module")
def images():
    portrait = np.ascontiguousarray(data.astronaut())
    region = region_of(portrait, FaceDetector(0.5).detect(portrait)[0])
    random = np.random.default_rng(1)
    regions = [
        region if live else Region(recapture(region.pixels, random, region.box.width), region.box) for live in IS_LIVE
    ]
    return Images(regions, People(SOURCES, np.array(IS_LIVE)), HELD_BACK)


@pytest.fixture(scope="module")
def views(images):
    places = [i for i, held in enumerate(HELD_BACK) if not held]
    requests = training_requests(places, IS_LIVE, SOURCES, 1, 1)
    return make_views(images.regions, requests, OneWrong(), threads=2)


def rows_of(images, views, folder, recipe=RECIPE):
    return list(leave_one_source_out(images, views, recipe, folder))


def test_a_source_is_never_learned_from_and_an_interrupted_table_goes_on_to_the_same_end(
    images, views, tmp_path, monkeypatch
):
    (tmp_path / "whole").mkdir()
    (tmp_path / "stopped").mkdir()
    learned = []

    def watched(network, lesson, recipe, folder):
        learned.append(lesson)
        if len(learned) == 5:
            raise KeyboardInterrupt
        return train(network, lesson, recipe, folder)

    train = module.train
    monkeypatch.setattr(module, "train", watched)
    whole = rows_of(images, views, tmp_path / "whole")
    assert [(row.source, row.live, row.attacks) for row in whole] == [(name, 5, 5) for name in "abc"]
    for name, lesson in zip("abc", learned, strict=True):
        shown = [
            name not in (SOURCES[image], SOURCES[mate] if mate >= 0 else "")
            for image, mate in zip(views.image, views.mate, strict=True)
        ]
        assert len(lesson.target) == sum(shown) < len(shown)
    assert len({round(float(lesson.target.max()), 3) for lesson in learned}) == 1
    assert learned[0].target.min() < 0.3  # the two-crop model, which takes all for live, has no say

    with pytest.raises(KeyboardInterrupt):
        rows_of(images, views, tmp_path / "stopped")
    assert rows_of(images, views, tmp_path / "stopped") == whole
    assert len(learned) == 7  # the first source was not trained again
    assert not list(tmp_path.rglob("checkpoint.pt"))


def test_rows_of_another_recipe_or_other_views_are_not_mixed(images, views, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "train", lambda network, lesson, recipe, folder: (folder.mkdir(), network)[1])
    monkeypatch.setattr(module.Path, "unlink", lambda path: None)
    rows_of(images, views, tmp_path)
    for other in ((views, replace(RECIPE, seed=3)), (views.only(views.kind != "clean"), RECIPE)):
        with pytest.raises(TrainingRefused, match=r"rows\.json was begun with another recipe or other views"):
            rows_of(images, other[0], tmp_path, other[1])
