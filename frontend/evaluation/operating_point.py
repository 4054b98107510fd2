"""The threshold that holds one error rate to a target at the least cost in the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from frontend.calibration import logit
from frontend.evaluation.judging import Judged, by_attack_type
from frontend.evaluation.metrics import Array


@dataclass(frozen=True, slots=True)
class Target:
    """The error rate that is to be held, and the share it may reach."""

    rate: Literal["apcer", "bpcer"]
    most: float


class OperatingPoints:
    """All thresholds between two raw scores, for judged pictures that got a response: [n]."""

    def __init__(self, judged: Sequence[Judged]) -> None:
        raw = np.array([one.verdict.raw_score for one in judged], np.float64)
        self._scores, self._at = np.unique(raw, return_inverse=True)
        self._is_bona_fide = np.array([one.sample.label == "bona_fide" for one in judged])
        self._types = [np.array([one.sample.attack_type == name for one in judged]) for name in by_attack_type(judged)]

    def threshold(self, target: Target, weights: Array) -> float | None:
        """The raw threshold that keeps to the target, when presentations count by their weights: [n].

        Of those that keep to it, one with the least of the other rate, and of these one with the least of the rate
        itself. It lies half-way, in log-odds, between two scores. None where no threshold tells anything apart at that
        price, or a class has no weight.
        """
        attacks = [self._passing(of_type, weights) for of_type in self._types if weights[of_type].any()]
        if not attacks or not weights[self._is_bona_fide].any():
            return None
        apcer = np.max(attacks, axis=0)
        bpcer = 1 - self._passing(self._is_bona_fide, weights)
        held, other = (apcer, bpcer) if target.rate == "apcer" else (bpcer, apcer)
        kept = np.flatnonzero((held <= target.most + 1e-12) & (other < 1))
        if kept.size == 0:
            return None
        best = kept[np.lexsort((held[kept], other[kept]))[0]]
        between = (logit(float(self._scores[best])) + logit(float(self._scores[best + 1]))) / 2
        return float(0.5 + 0.5 * np.tanh(between / 2))

    def _passing(self, presentations: Array, weights: Array) -> Array:
        """The share of these presentations above each threshold: [distinct scores - 1]."""
        counts = np.bincount(self._at, weights * presentations, minlength=len(self._scores))
        return np.asarray(1 - np.cumsum(counts)[:-1] / counts.sum(), np.float64)
