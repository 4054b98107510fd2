"""Error rates of presentation attack detection, as ISO/IEC 30107-3 defines them.

A score at or above the threshold says "bona fide". APCER is the share of attacks that pass, for each attack type, and
the worst of them counts; BPCER is the share of bona fide presentations that do not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ErrorCurve:
    """APCER and BPCER of every threshold that tells any two scores apart.

    `thresholds` are [k] and rise: the distinct scores, then infinity, which rejects all.
    """

    thresholds: Array
    apcer: Array
    bpcer: Array

    def eer(self) -> float:
        """The equal error rate; between two thresholds both rates are taken as straight lines."""
        difference = self.bpcer - self.apcer
        above = int(np.argmax(difference >= 0))
        share = difference[above - 1] / (difference[above - 1] - difference[above])
        return float(self.apcer[above - 1] + share * (self.apcer[above] - self.apcer[above - 1]))

    def auc(self) -> float:
        """The area under the ROC curve: how often a bona fide score is above an attack's, ties counting half."""
        passed = 1 - self.bpcer
        return float(np.sum((passed[:-1] + passed[1:]) / 2 * (self.apcer[:-1] - self.apcer[1:])))

    def bpcer_at(self, apcer: float) -> float:
        """The least BPCER of a threshold whose APCER is no more than this."""
        return float(self.bpcer[np.argmax(self.apcer <= apcer)])


class ScoredClasses:
    """The scores of bona fide presentations [n] and of attacks [m], sorted once for curves under many weights."""

    def __init__(self, bona_fide: Array, attacks: Array) -> None:
        self._scores, index = np.unique(np.concatenate([bona_fide, attacks]), return_inverse=True)
        self._bona_fide_at = index[: len(bona_fide)]
        self._attacks_at = index[len(bona_fide) :]

    def curve(self, bona_fide_weights: Array | None = None, attack_weights: Array | None = None) -> ErrorCurve:
        """The error curve where presentations count as often as their weights say, by default once."""
        attacks_below = self._below(self._attacks_at, attack_weights)
        bona_fide_below = self._below(self._bona_fide_at, bona_fide_weights)
        return ErrorCurve(
            thresholds=np.append(self._scores, np.inf),
            apcer=(attacks_below[-1] - attacks_below) / attacks_below[-1],
            bpcer=bona_fide_below / bona_fide_below[-1],
        )

    def _below(self, at: NDArray[np.intp], weights: Array | None) -> Array:
        """How many presentations score below each threshold: [k], the last of all is their number."""
        counts = np.bincount(at, weights, minlength=len(self._scores))
        return np.concatenate([[0.0], np.cumsum(counts)])
