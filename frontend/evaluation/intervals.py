"""How far a measured rate can be trusted: intervals at 95 % confidence."""

from collections.abc import Hashable, Iterator, Sequence
from math import sqrt

import numpy as np

from frontend.evaluation.metrics import Array

Interval = tuple[float, float]
_Z = 1.959964  # the standard normal distribution's 97.5th percentile


def wilson(errors: int, presentations: int) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927), which holds for few errors and for none.

    It takes the presentations as independent: too narrow where several are of one subject.
    """
    rate, square = errors / presentations, _Z * _Z / presentations
    centre = (rate + square / 2) / (1 + square)
    half = _Z / (1 + square) * sqrt(rate * (1 - rate) / presentations + square / presentations / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def percentiles(values: Array) -> Interval:
    """The middle 95 % of what the bootstrap gave."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


class ClusterBootstrap:
    """Draws clusters, say subjects, with replacement: what is of one subject is drawn together, for it errs together.

    (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 8; Bolle, Ratha and Pankanti, "Error
    analysis of pattern recognition systems: the subsets bootstrap", 2004.)
    """

    def __init__(self, clusters: Sequence[Hashable], *, replicates: int, seed: int = 0) -> None:
        numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
        self._cluster_of = np.array([numbers[cluster] for cluster in clusters], np.intp)
        self._replicates = replicates
        self._seed = seed
        self.clusters = len(numbers)

    def weights(self) -> Iterator[Array]:
        """For each replicate how often each presentation was drawn: [n] float64."""
        random = np.random.default_rng(self._seed)
        for _ in range(self._replicates):
            drawn = np.bincount(random.integers(0, self.clusters, self.clusters), minlength=self.clusters)
            yield drawn[self._cluster_of].astype(np.float64)
