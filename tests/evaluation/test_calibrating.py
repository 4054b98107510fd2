"""Threshold, slope and the warnings of a calibration, on scores made up to know the answer."""

import numpy as np
import pytest

from frontend.calibration import ScoreMap, logit
from frontend.errors import InvalidImageSet
from frontend.evaluation.calibrating import fit
from frontend.evaluation.operating_point import OperatingPoints, Target
from frontend.evaluation.platt import platt_slope
from tests.evaluation.judged import attack, live


def threshold(judged: list, target: Target) -> float | None:
    return OperatingPoints(judged).threshold(target, np.ones(len(judged)))


def half_way(low: float, high: float) -> float:
    return 1 / (1 + np.exp(-(logit(low) + logit(high)) / 2))


def test_threshold_lies_in_the_gap_where_there_is_one() -> None:
    judged = [live(0.8 + n / 100, n) for n in range(10)] + [attack(n / 100, n) for n in range(10)]
    for rate in ("apcer", "bpcer"):
        assert threshold(judged, Target(rate, 0.2)) == pytest.approx(half_way(0.09, 0.8))


def test_target_is_held_by_every_attack_type() -> None:
    judged = [live(0.50 + n / 100, n) for n in range(20)]  # 0.50 to 0.69
    judged += [attack(0.1, n, "print") for n in range(90)]
    judged += [attack(score, n, "mask") for n, score in enumerate([0.1] * 8 + [0.555, 0.655])]
    # 10 % of the masks, not of all 100 attacks: 0.655 passes, 0.555 does not, and 6 bona fide fall with it.
    assert threshold(judged, Target("apcer", 0.1)) == pytest.approx(half_way(0.555, 0.56))
    assert threshold(judged, Target("apcer", 0.2)) == pytest.approx(half_way(0.1, 0.5))
    assert threshold(judged, Target("bpcer", 0.3)) == pytest.approx(half_way(0.555, 0.56))
    assert threshold(judged, Target("bpcer", 0.29)) == pytest.approx(half_way(0.1, 0.5))


def test_target_that_nothing_holds_is_refused() -> None:
    judged = [live(0.5 + n / 100, n) for n in range(20)] + [attack(0.99, n) for n in range(20)]
    with pytest.raises(InvalidImageSet, match=r"no threshold holds APCER to 5\.00%"):
        fit(judged, Target("apcer", 0.05))


def test_slope_is_that_of_the_scores_it_was_made_with() -> None:
    random = np.random.default_rng(1)
    is_bona_fide = np.arange(40_000) % 2 == 0
    logits = random.normal(np.where(is_bona_fide, 1.5, -0.5), 1.0)
    # Of two normal distributions of variance 1 the log-odds are linear, with a slope of the difference of their means.
    assert platt_slope(logits, is_bona_fide) == pytest.approx(2.0, rel=0.05)
    assert platt_slope(logits / 4, is_bona_fide) == pytest.approx(8.0, rel=0.05)
    assert np.isfinite(platt_slope(np.where(is_bona_fide, 5.0, -5.0), is_bona_fide))
    with pytest.raises(InvalidImageSet, match="check the labels"):
        platt_slope(-logits, is_bona_fide)


def test_map_keeps_the_order_and_puts_its_threshold_at_a_half() -> None:
    score_map = ScoreMap(raw_threshold=0.73, slope=3.2)
    scores = [score_map.score(raw) for raw in np.linspace(0, 1, 1001)]
    assert scores == sorted(scores)
    assert score_map.score(0.73) == 0.5
    assert 0 <= scores[0] < 0.01
    assert 0.99 < scores[-1] <= 1
    assert ScoreMap(raw_threshold=0.5, slope=1).score(0.8) == 0.8  # which changes nothing
    assert ScoreMap(raw_threshold=0.5, slope=100).score(1.0) == 1.0


def test_fit_says_what_it_cost_and_what_to_expect() -> None:
    random = np.random.default_rng(2)
    people = [str(n // 4) for n in range(400)]
    judged = [live(round(s, 6), n, subject=people[n]) for n, s in enumerate(random.beta(9, 2, 400).tolist())]
    judged += [attack(round(s, 6), n, subject=people[n]) for n, s in enumerate(random.beta(5, 4, 400).tolist())]
    fitted = fit(judged, Target("apcer", 0.05))
    assert fitted.before.apcer.value > 0.5
    assert 0.04 < fitted.after.apcer.value <= 0.05
    assert fitted.subjects == 100
    low, high = fitted.raw_threshold_95
    assert low < fitted.score_map.raw_threshold < high < low + 0.1
    assert fitted.held_out is not None
    assert fitted.held_out.apcer.value == pytest.approx(0.05, abs=0.03)
    assert fitted.held_out.bpcer.presentations == 400
    assert not [warning for warning in fitted.warnings if "Too few" in warning]


def test_held_out_subjects_are_not_fitted_on() -> None:
    judged = [live(0.65 + n / 100, n, subject=f"live-{n}") for n in range(30)]
    judged += [attack(0.1, n, subject=f"attack-{n}") for n in range(36)]
    judged += [attack(0.64, n, subject="one") for n in range(36, 40)]  # whom nobody else is like
    fitted = fit(judged, Target("apcer", 0.05))
    assert fitted.held_out
    assert (fitted.after.apcer.errors, fitted.held_out.apcer.errors) == (0, 4)
    assert any("On subjects that were held out APCER was 10.00%, over the target" in w for w in fitted.warnings)


def test_too_few_for_the_target_are_refused_or_named() -> None:
    judged = [live(0.9, n) for n in range(40)] + [attack(0.1, n) for n in range(40)]
    with pytest.raises(InvalidImageSet, match=r"40 attacks .* APCER 1\.00%, of which one wrong in 100"):
        fit(judged, Target("apcer", 0.01))
    (few, subjects) = fit(judged, Target("bpcer", 0.05)).warnings
    assert "Too few pictures: 40 bona fide pictures. To show BPCER 5.00% at 95 % confidence takes 60" in few
    assert "No two pictures are known to be of one subject" in subjects
