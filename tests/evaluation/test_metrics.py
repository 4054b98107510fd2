"""Error rates against values worked out by hand."""

import numpy as np
import pytest

from frontend.evaluation.intervals import ClusterBootstrap, percentiles, wilson
from frontend.evaluation.metrics import ErrorCurve, ScoredClasses


def curve(bona_fide: list[float], attacks: list[float]) -> ErrorCurve:
    return ScoredClasses(np.array(bona_fide), np.array(attacks)).curve()


def test_rates_of_every_threshold() -> None:
    rates = curve([0.4, 0.8, 0.9, 0.9], [0.1, 0.4, 0.5, 0.9])
    assert rates.thresholds.tolist() == [0.1, 0.4, 0.5, 0.8, 0.9, np.inf]
    assert rates.apcer.tolist() == [1, 0.75, 0.5, 0.25, 0.25, 0]  # a score at the threshold passes
    assert rates.bpcer.tolist() == [0, 0, 0.25, 0.25, 0.5, 1]


def test_area_is_the_share_of_pairs_in_order_with_ties_by_half() -> None:
    # Of 16 pairs: 0.4 beats 0.1 and ties 0.4 (1.5); 0.8 beats three (3); each 0.9 beats three and ties one (3.5).
    assert curve([0.4, 0.8, 0.9, 0.9], [0.1, 0.4, 0.5, 0.9]).auc() == pytest.approx(11.5 / 16)
    assert curve([0.9, 0.8], [0.1, 0.2]).auc() == 1


def test_equal_error_rate_on_a_threshold_and_between_two() -> None:
    assert curve([0.4, 0.8, 0.9, 0.9], [0.1, 0.4, 0.5, 0.9]).eer() == 0.25
    assert curve([0.6, 0.7, 0.8], [0.1, 0.2]).eer() == 0
    # (APCER, BPCER) goes from (1/2, 0) at 0.3 to (1/2, 1) at 0.5 past the diagonal: half-way it is met at 1/2.
    assert curve([0.3], [0.1, 0.5]).eer() == pytest.approx(0.5)
    # From (1/2, 1/3) at 0.5 straight to (0, 1/3) at 0.6: they meet at 1/3.
    assert curve([0.4, 0.6, 0.7], [0.1, 0.5]).eer() == pytest.approx(1 / 3)


def test_bpcer_where_apcer_is_held() -> None:
    attacks = [i / 100 for i in range(20)]  # 0.00 to 0.19: one in twenty passes from 0.185 on
    rates = curve([0.185, 0.3, 0.4, 0.5], attacks)
    assert rates.bpcer_at(0.05) == 0
    assert rates.bpcer_at(0.01) == 0.25  # no attack may pass, so that 0.185 falls too
    assert rates.bpcer_at(0.049) == 0.25


def test_weights_count_presentations_so_often() -> None:
    classes = ScoredClasses(np.array([0.4, 0.8]), np.array([0.1, 0.9]))
    weighted = classes.curve(np.array([3.0, 1.0]), np.array([1.0, 0.0]))
    repeated = curve([0.4, 0.4, 0.4, 0.8], [0.1])
    assert weighted.auc() == repeated.auc()
    assert weighted.bpcer[2] == repeated.bpcer[2] == 0.75


@pytest.mark.parametrize(
    ("errors", "presentations", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 50, 0.0435, 0.2136), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_agrees_with_printed_values(errors: int, presentations: int, low: float, high: float) -> None:
    # The last is from Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    assert wilson(errors, presentations) == pytest.approx((low, high), abs=5e-5)


def test_what_errs_together_is_drawn_together() -> None:
    wrong = np.repeat([1.0, 0.0, 0.0, 0.0], 25)  # one subject of four is always wrong
    widths = []
    for clusters in (list(range(100)), np.repeat(range(4), 25).tolist()):
        drawn = ClusterBootstrap(clusters, replicates=400)
        low, high = percentiles(np.array([np.average(wrong, weights=weights) for weights in drawn.weights()]))
        widths.append(high - low)
    assert widths[0] == pytest.approx(4 * (0.25 * 0.75 / 100) ** 0.5, abs=0.03)  # as of independent pictures
    assert widths[1] > 4 * widths[0]


def test_a_bootstrap_gives_the_same_twice() -> None:
    first, second = (list(ClusterBootstrap("aabbcc", replicates=5).weights()) for _ in range(2))
    assert np.array_equal(first, second)
