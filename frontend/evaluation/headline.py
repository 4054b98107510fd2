"""The headline figures of a set of scores, and their bootstrap intervals by subject."""

from collections.abc import Sequence

import numpy as np

from frontend.evaluation.intervals import ClusterBootstrap
from frontend.evaluation.judging import Judged, by_attack_type, scores_of
from frontend.evaluation.metrics import Array, ScoredClasses

REPLICATES = 1000


class Headline:
    """Measures presentations that got a response: [n], each under a weight, as a bootstrap draws them."""

    def __init__(self, answered: Sequence[Judged], threshold: float) -> None:
        self._threshold = threshold
        self._is_bona_fide = np.array([one.sample.label == "bona_fide" for one in answered])
        self._is_attack = np.array([one.sample.label == "attack" for one in answered])
        types = by_attack_type(answered)
        self._types = [np.array([one.sample.attack_type == name for one in answered]) for name in types]
        scores = scores_of(answered)
        self._all = ScoredClasses(scores[self._is_bona_fide], scores[self._is_attack])
        self._of_type = [ScoredClasses(scores[self._is_bona_fide], scores[is_type]) for is_type in self._types]

    def under(self, weights: Array) -> dict[str, float]:
        """Each figure by its name; empty where a class was not drawn at all."""
        bona_fide, attacks = weights[self._is_bona_fide], weights[self._is_attack]
        if not bona_fide.any() or not attacks.any():
            return {}
        curve = self._all.curve(bona_fide, attacks)
        of_types = [
            scored.curve(bona_fide, weights[is_type])
            for scored, is_type in zip(self._of_type, self._types, strict=True)
            if weights[is_type].any()
        ]
        apcer = max(float(of.apcer[np.searchsorted(of.thresholds, self._threshold)]) for of in of_types)
        bpcer = float(curve.bpcer[np.searchsorted(curve.thresholds, self._threshold)])
        return {
            "apcer": apcer,
            "bpcer": bpcer,
            "acer": (apcer + bpcer) / 2,
            "eer": curve.eer(),
            "auc": curve.auc(),
            "bpcer_at_apcer_1": max(of.bpcer_at(0.01) for of in of_types),
            "bpcer_at_apcer_5": max(of.bpcer_at(0.05) for of in of_types),
        }


def bootstrapped(headline: Headline, answered: Sequence[Judged]) -> tuple[dict[str, Array], int]:
    """Each headline figure under every replicate, and the number of subjects."""
    bootstrap = ClusterBootstrap([one.sample.cluster for one in answered], replicates=REPLICATES)
    drawn = [figures for figures in map(headline.under, bootstrap.weights()) if figures]
    return {name: np.array([figures[name] for figures in drawn]) for name in drawn[0]}, bootstrap.clusters
