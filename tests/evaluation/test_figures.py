"""The figures of a report, against counts made by hand."""

from dataclasses import replace

import numpy as np
import pytest

from frontend.errors import InvalidImageSet
from frontend.evaluation.measuring import figures_of
from frontend.evaluation.robustness import shift_of
from frontend.reasons import Reason
from tests.evaluation.judged import attack, live


def test_worst_attack_type_decides_and_non_responses_are_apart() -> None:
    judged = [live(score, n, source="a") for n, score in enumerate([0.9] * 17 + [0.45, 0.2, None])]
    judged += [attack(score, n, "print", source="a") for n, score in enumerate([0.1] * 9 + [0.95])]
    judged += [attack(score, n, "screen", source="b") for n, score in enumerate([0.1, 0.2, 0.3, 0.6, None])]
    figures = figures_of(judged, 0.5)
    assert (figures.worst_attack_type, figures.apcer.errors, figures.apcer.presentations) == ("screen", 1, 4)
    assert (figures.bpcer.errors, figures.bpcer.presentations) == (2, 19)
    assert figures.acer.value == pytest.approx((1 / 4 + 2 / 19) / 2)
    assert (figures.apnrr.errors, figures.apnrr.presentations) == (1, 15)
    assert (figures.bpnrr.errors, figures.bpnrr.presentations) == (1, 20)
    # To let no more than 5 % of each type pass the threshold must be over 0.95, which leaves no bona fide.
    assert figures.bpcer_at_apcer_5.value == 1
    assert {kind.name: kind.bpcer_at_apcer_5 for kind in figures.attack_types} == {"print": 1, "screen": 2 / 19}
    by_source = {group.name: group for group in figures.sources}
    assert by_source["a"].worst_attack_type == "print"
    assert by_source["b"].bpcer is None
    assert by_source["b"].non_responses == 1
    assert any("Only 4 attacks of type screen with a response" in warning for warning in figures.warnings)
    assert figures.apcer.bootstrap_95 is None  # no subject is known twice


def test_of_attack_types_alike_that_which_may_hide_most_is_named() -> None:
    judged = [live(0.9, n, subject=str(n // 2)) for n in range(20)]
    judged += [attack(0.1, n, kind) for kind, number in (("a", 40), ("b", 4), ("c", 40)) for n in range(number)]
    figures = figures_of(judged, 0.5)
    assert (figures.worst_attack_type, figures.apcer.errors, figures.apcer.presentations) == ("b", 0, 4)
    assert figures.apcer.bootstrap_95 == (0, 0)  # there is nothing that it could vary
    assert figures.apcer.widest_95 == figures.apcer.wilson_95 == pytest.approx((0, 0.49), abs=0.01)


def test_what_is_refused_for_its_quality_got_no_response() -> None:
    judged = [live(0.9, n) for n in range(10)] + [attack(0.1, n) for n in range(10)]
    dark = replace(live(0.9, 10).verdict, is_live=False, refused_for=Reason.IMAGE_TOO_DARK)
    figures = figures_of([*judged, replace(live(0.9, 10), verdict=dark)], 0.5)
    assert (figures.bpcer.errors, figures.bpcer.presentations) == (0, 10)
    assert (figures.bpnrr.errors, figures.bpnrr.presentations) == (1, 11)


def test_subjects_widen_the_interval() -> None:
    scores = [0.2] * 10 + [0.9] * 30  # one subject of four is always turned away
    judged = [attack(0.1, n) for n in range(10)]
    judged += [live(score, n, subject=str(n // 10)) for n, score in enumerate(scores)]
    bpcer = figures_of(judged, 0.5).bpcer
    assert bpcer.bootstrap_95 is not None
    assert np.ptp(bpcer.bootstrap_95) > 1.5 * np.ptp(bpcer.wilson_95)


def test_too_few_with_a_face_are_refused() -> None:
    judged = [live(0.9, n) for n in range(20)] + [attack(0.1 if n < 9 else None, n) for n in range(20)]
    with pytest.raises(InvalidImageSet, match=r"9 attack .* at least 10"):
        figures_of(judged, 0.5)


def test_a_shift_counts_flips_and_lost_faces() -> None:
    before = [live(0.9, 0), live(0.8, 1), attack(0.4, 0), attack(0.1, 1)]
    after = [one.verdict for one in (live(0.7, 0), live(None, 1), attack(0.6, 0), attack(0.1, 1))]
    shift = shift_of("rotated", before, after)
    assert shift.mean_difference == pytest.approx((0.2 + 0.2 + 0.0) / 3)
    assert (shift.flips.errors, shift.attacks_let_in, shift.live_turned_away, shift.faces_lost) == (2, 1, 1, 1)
