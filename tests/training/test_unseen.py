"""What is learned from, and what is judged, when a source is left out."""

import numpy as np
import pytest

from training.errors import TrainingRefused
from training.unseen import figures_of, judged_places, shows_nothing_of, sources_to_judge
from training.views import Views


def views_of(images, mates=None):
    count = len(images)
    return Views(
        pixels=np.zeros((count, 1, 1, 3), np.uint8),
        boxes=np.zeros((count, 4), np.float32),
        logits=np.zeros((count, 4), np.float32),
        image=np.array(images, np.int32),
        mate=np.array(mates or [-1] * count, np.int32),
        weight=np.ones(count, np.float32),
        kind=np.array(["heavy"] * count),
    )


def test_views_of_the_source_and_views_with_a_mate_of_it_show_something_of_it():
    sources = ["a", "a", "b", "c"]
    views = views_of([0, 1, 2, 2, 3, 3], [-1, 3, -1, 1, 2, -1])
    assert shows_nothing_of("a", views, sources).tolist() == [False, False, True, False, True, True]
    assert shows_nothing_of("c", views, sources).tolist() == [True, False, True, True, False, False]


def test_both_classes_must_be_left_to_learn_from():
    sources = ["a"] * 10 + ["b"] * 6 + ["few"] * 4
    is_live = np.array([True, False] * 5 + [True] * 10)
    with pytest.raises(TrainingRefused, match=r"without the source 'a' there are no attacks to learn from: .*`source`"):
        sources_to_judge(views_of(range(20)), sources, is_live)
    is_live[10] = False
    assert sources_to_judge(views_of(range(20)), sources, is_live) == ["a", "b"]
    with pytest.raises(TrainingRefused, match="without the source '' there are no live images"):
        sources_to_judge(views_of(range(20)), [""] * 20, is_live)


def test_all_of_the_source_is_judged_and_a_class_that_it_lacks_comes_from_the_held_back_of_others():
    sources = ["a"] * 10 + ["b"] * 6
    is_live = np.array([True, False] * 5 + [True] * 6)
    is_held_back = [False, False, False, True] + [False] * 11 + [True]
    assert judged_places("a", sources, is_live, is_held_back) == ([0, 2, 4, 6, 8], [1, 3, 5, 7, 9])
    live, attacks = judged_places("b", sources, is_live, is_held_back)
    assert (live, attacks) == ([10, 11, 12, 13, 14, 15], [3])
    row = figures_of("b", sources, (live, np.array([3.0, 2.0, 1.0, 1.0, -1.0, -2.0])), (attacks, np.array([-1.5])))
    assert (row.live, row.attacks) == (6, 0)
    assert (row.auc, row.apcer, row.bpcer, row.acer) == pytest.approx((5 / 6, 0, 1 / 3, 1 / 6))
    with pytest.raises(TrainingRefused, match="'b', too few attacks: none is held back of the others"):
        judged_places("b", sources, is_live, [False] * 16)
