from pathlib import Path

import pytest

from frontend.evaluation.samples import Sample
from training.errors import TrainingRefused
from training.split import is_held_back, subjects_of


def sample(name, label="bona_fide", *, source="a", subject="", split=""):
    return Sample(Path(name), name, label, "print" if label == "attack" else "", subject, source=source, split=split)


def of_subjects(count, each=4):
    return [
        sample(f"{s}-{i}.jpg", ("bona_fide", "attack")[i % 2], subject=f"s{s}")
        for s in range(count)
        for i in range(each)
    ]


def test_a_subject_is_on_one_side_only_and_the_share_is_kept():
    images = of_subjects(40)
    held = is_held_back(images, 0.25, seed=1)
    sides = {}
    for image, side in zip(images, held, strict=True):
        sides.setdefault(image.subject, set()).add(side)
    assert all(len(both) == 1 for both in sides.values())
    assert sum(held) == 40


def test_the_seed_alone_decides_and_the_order_of_the_images_does_not_matter():
    images = of_subjects(40)
    held = is_held_back(images, 0.25, seed=1)
    assert is_held_back(images[::-1], 0.25, seed=1) == held[::-1]
    assert is_held_back(images, 0.25, seed=2) != held


def test_a_source_with_a_split_of_its_own_keeps_it():
    images = [sample(f"{i}.jpg", source="b", subject=f"s{i}", split=("train", "devel")[i % 2]) for i in range(10)]
    assert is_held_back(images, 0.25, seed=1) == [False, True] * 5


def test_a_source_that_names_one_split_only_is_split_by_subject():
    images = [sample(f"{i}.jpg", source="b", subject=f"s{i}", split="train") for i in range(20)]
    assert sum(is_held_back(images, 0.25, seed=1)) == 5


def test_a_split_that_tears_a_subject_apart_is_refused():
    images = [sample("1.jpg", subject="s1", split="train"), sample("2.jpg", subject="s1", split="test")]
    with pytest.raises(TrainingRefused, match="a/s1"):
        is_held_back(images, 0.25, seed=1)


def test_images_without_a_subject_stay_with_their_neighbours_in_natural_order():
    images = [sample(f"frame_{i}.jpg") for i in range(100)]
    groups = subjects_of(images)
    assert len(set(groups)) == 4
    assert groups[0] == groups[9] == groups[24] != groups[25]
