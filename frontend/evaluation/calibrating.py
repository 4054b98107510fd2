"""Judged pictures → a calibration for a target, and what is to be expected of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from math import ceil

import numpy as np

from frontend.calibration import OPERATING_POINT, ScoreMap, logit
from frontend.errors import InvalidImageSet
from frontend.evaluation.figures import Rate, rate_of
from frontend.evaluation.intervals import ClusterBootstrap, Interval, percentiles
from frontend.evaluation.judging import Judged, by_attack_type
from frontend.evaluation.operating_point import OperatingPoints, Target
from frontend.evaluation.platt import platt_slope
from frontend.evaluation.samples import require_both_classes

REPLICATES = 500
FOLDS = 5
RULE_OF_THREE = 3
"""No error in n presentations shows, at 95 % confidence, a rate below 3/n (Hanley and Lippman-Hand 1983)."""


@dataclass(frozen=True, slots=True)
class Errors:
    """What a rule gets wrong; `apcer` is of its `worst_attack_type`."""

    apcer: Rate
    worst_attack_type: str
    bpcer: Rate

    @property
    def acer(self) -> float:
        """The mean of the two."""
        return (self.apcer.value + self.bpcer.value) / 2


@dataclass(frozen=True, slots=True)
class Fit:
    """A calibration, the errors of the rule it replaces, its own, and those on subjects that it was not fitted on.

    `held_out` is None where there are too few subjects to hold some out.
    """

    score_map: ScoreMap
    raw_threshold_95: Interval
    subjects: int
    before: Errors
    after: Errors
    held_out: Errors | None
    warnings: list[str]


def fit(judged: Sequence[Judged], target: Target) -> Fit:
    """The calibration that holds the target on these pictures, of which those without a response are left out.

    Raises InvalidImageSet when there are too few, or no threshold holds the target.
    """
    answered = [one for one in judged if one.has_response and one.sample.label != "no_face"]
    require_both_classes([one.sample for one in answered])
    _require_enough(answered, target)
    score_map = _map_for(answered, target)
    bootstrap = ClusterBootstrap([one.sample.cluster for one in answered], replicates=REPLICATES)
    points = OperatingPoints(answered)
    thresholds = [points.threshold(target, weights) for weights in bootstrap.weights()]
    after, held_out = _errors(answered, lambda one: _passes(score_map, one)), _held_out(answered, target)
    return Fit(
        score_map=score_map,
        raw_threshold_95=percentiles(np.array([threshold for threshold in thresholds if threshold is not None])),
        subjects=bootstrap.clusters,
        before=_errors(answered, lambda one: one.verdict.is_live),
        after=after,
        held_out=held_out,
        warnings=_warnings(answered, target, bootstrap.clusters, held_out or after),
    )


def _map_for(answered: Sequence[Judged], target: Target) -> ScoreMap:
    threshold = OperatingPoints(answered).threshold(target, np.ones(len(answered)))
    if threshold is None:
        raise InvalidImageSet(
            f"no threshold holds {target.rate.upper()} to {target.most:.2%} and still tells the classes apart: "
            "check the labels of the pictures that score worst (liveness evaluate shows them), or ask for less"
        )
    logits = np.array([logit(one.verdict.raw_score or 0.0) for one in answered])
    return ScoreMap(
        raw_threshold=threshold,
        slope=platt_slope(logits, np.array([one.sample.label == "bona_fide" for one in answered])),
    )


def _passes(score_map: ScoreMap, one: Judged) -> bool:
    return one.verdict.raw_score is not None and score_map.score(one.verdict.raw_score) >= OPERATING_POINT


def _errors(answered: Sequence[Judged], passes: Callable[[Judged], bool]) -> Errors:
    bona_fide = [one for one in answered if one.sample.label == "bona_fide"]
    types = by_attack_type(answered)
    apcers = {name: rate_of(sum(map(passes, several)), len(several)) for name, several in types.items()}
    worst = max(apcers, key=lambda name: apcers[name].badness)
    return Errors(apcers[worst], worst, rate_of(sum(not passes(one) for one in bona_fide), len(bona_fide)))


def _held_out(answered: Sequence[Judged], target: Target) -> Errors | None:
    """The errors on each fifth of the subjects by the calibration that the other four fifths give."""
    clusters = sorted({one.sample.cluster for one in answered})
    if len(clusters) < 2 * FOLDS:
        return None
    shuffled = np.random.default_rng(0).permutation(len(clusters)).tolist()
    fold_of = dict(zip((clusters[i] for i in shuffled), cycle(range(FOLDS)), strict=False))
    verdicts: dict[str, bool] = {}
    for fold in range(FOLDS):
        rest = [one for one in answered if fold_of[one.sample.cluster] != fold]
        try:
            score_map = _map_for(rest, target)
        except InvalidImageSet:
            return None
        held = (one for one in answered if fold_of[one.sample.cluster] == fold)
        verdicts |= {one.sample.name: _passes(score_map, one) for one in held}
    return _errors(answered, lambda one: verdicts[one.sample.name])


def _numbers(answered: Sequence[Judged], target: Target) -> dict[str, int]:
    """How many presentations the held rate is measured on, by what they are."""
    if target.rate == "bpcer":
        return {"bona fide pictures": sum(one.sample.label == "bona_fide" for one in answered)}
    return {f"attacks of type {name}": len(several) for name, several in by_attack_type(answered).items()}


def _require_enough(answered: Sequence[Judged], target: Target) -> None:
    number, least = sum(_numbers(answered, target).values()), ceil(1 / target.most)
    if number < least:
        what = "attacks" if target.rate == "apcer" else "bona fide pictures"
        raise InvalidImageSet(
            f"{number} {what} with a response cannot tell {target.rate.upper()} {target.most:.2%}, of which one wrong "
            f"in {least} is the least sign; {RULE_OF_THREE * least} are a beginning: add pictures, or ask for less"
        )


def _warnings(answered: Sequence[Judged], target: Target, subjects: int, expected: Errors) -> list[str]:
    enough = ceil(RULE_OF_THREE / target.most)
    few = [f"{number} {what}" for what, number in _numbers(answered, target).items() if number < enough]
    warnings = []
    if few:
        warnings.append(
            f"Too few pictures: {', '.join(few)}. To show {target.rate.upper()} {target.most:.2%} "
            f"at 95 % confidence takes {enough} of each, and of these none wrong; some hundreds measure it."
        )
    if subjects == len(answered):
        warnings.append("No two pictures are known to be of one subject, so subjects could not be held out together.")
    reached = expected.apcer if target.rate == "apcer" else expected.bpcer
    if reached.value > target.most:
        warnings.append(
            f"On subjects that were held out {target.rate.upper()} was {reached.value:.2%}, over the target: "
            "expect that, and more pictures to mend it."
        )
    return warnings
