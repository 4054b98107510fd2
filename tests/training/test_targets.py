import numpy as np
import pytest

from training.sampling import draw, sampling_weights
from training.targets import Calibration, Shares, fit_calibration, labels_of, targets_of
from training.views import Views

IS_LIVE = np.array([True, False])


def views(kinds, images, mates=None, weights=None, logits=0.0):
    count = len(kinds)
    return Views(
        pixels=np.zeros((count, 1, 1, 3), np.uint8),
        boxes=np.zeros((count, 4), np.float32),
        logits=np.full((count, 4), logits, np.float32),
        image=np.array(images, np.int32),
        mate=np.array(mates or [-1] * count, np.int32),
        weight=np.array(weights or [1.0] * count, np.float32),
        kind=np.array(kinds),
    )


def test_a_mixed_view_has_a_mixed_label_and_a_recapture_is_an_attack():
    made = views(["heavy", "heavy", "heavy", "recapture"], [0, 1, 0, 0], [-1, -1, 1, -1], [1, 1, 0.75, 1])
    assert labels_of(made, IS_LIVE).tolist() == [1, 0, 0.75, 0]


def test_teachers_pull_the_target_but_not_that_of_a_recapture():
    made = views(["heavy", "recapture"], [0, 0], logits=-12.0)
    target = targets_of(made, IS_LIVE, Shares(label=0.5, two_crop=0.25, public=0.25), Calibration(1.0, 0.0))
    assert target == pytest.approx([0.49, 0.02], abs=1e-4)


def test_an_implant_is_what_its_face_is_and_no_teacher_has_a_say():
    made = views(["implant", "implant"], [0, 1], mates=[1, 0], logits=3.0)
    assert labels_of(made, IS_LIVE).tolist() == [1, 0]
    target = targets_of(made, IS_LIVE, Shares(label=0.5, two_crop=0.25, public=0.25), Calibration(1.0, 0.0))
    assert target == pytest.approx([0.98, 0.02])


def test_calibration_finds_the_slope_and_offset_that_made_the_labels():
    random = np.random.default_rng(5)
    logits = random.normal(0, 3, 20_000)
    is_live = random.random(20_000) < 1 / (1 + np.exp(-(0.5 * logits - 0.3)))
    found = fit_calibration(logits, is_live)
    prior = np.log(is_live.mean() / (1 - is_live.mean()))
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(-0.3 - prior, abs=0.05)  # as if there were as many attacks as live faces


def test_classes_are_shown_alike_and_large_sources_less_than_their_size():
    sources = ["large"] * 900 + ["small"] * 100
    is_live = [i < 90 for i in range(900)] + [i < 50 for i in range(100)]
    weights = sampling_weights(sources, is_live)
    large, live = np.array(sources) == "large", np.array(is_live)
    assert weights.sum() == pytest.approx(1)
    assert weights[large].sum() == pytest.approx(0.75)
    assert weights[large & live].sum() == pytest.approx(weights[large & ~live].sum())
    shown = draw(weights, 20_000, np.random.default_rng(1))
    assert np.mean(large[shown]) == pytest.approx(0.75, abs=0.02)
