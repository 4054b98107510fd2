"""An estimate of a new camera: for each source, a head that was fitted without it, judged on it.

Only the head is fitted anew. The trunk keeps what it learned from every source, the one left out included, so the table
is kinder than training again without the source would be; it tells which sources the head cannot do without.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from frontend.evaluation.metrics import ScoredClasses
from training.network import FEATURES, LivenessNetwork
from training.sampling import sampling_weights
from training.targets import sigmoid
from training.train import Lesson

_PENALTY = 1e-3
_LEAST_OF_A_CLASS = 5


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a head says of a source that it did not see; where that has one class only, against all sources' other."""

    source: str
    auc: float
    acer: float
    auc_with_it: float
    acer_with_it: float


def leave_one_source_out(
    network: LivenessNetwork,
    lesson: Lesson,
    sources: Sequence[str],
    is_live: NDArray[np.bool_],
    is_judged: NDArray[np.bool_],
) -> list[LeftOut]:
    """One row for each source. Of the lesson's views: their sources and labels, and which of them are judged.

    The views are those of the training images: what is left out of a fit is what it is judged on. `auc_with_it` is of a
    head that was fitted on all of them.
    """
    seen, names = features_of(network, lesson), np.asarray(sources)
    everything = _fitted(seen, lesson, names, is_live, np.ones(len(names), bool))
    rows = []
    for source in sorted(set(sources)):
        mine = is_judged & (names == source)
        if mine.sum() < _LEAST_OF_A_CLASS:
            continue
        without = _fitted(seen, lesson, names, is_live, names != source)
        judged = [_judged(logits, mine, is_judged, is_live) for logits in (without, everything)]
        rows.append(LeftOut(source, *judged[0], *judged[1]))
    return rows


def features_of(network: LivenessNetwork, lesson: Lesson) -> torch.Tensor:
    """[n, 1280]: what the head sees of each view (not of its mirror image)."""
    network.eval()
    found = []
    with torch.no_grad():
        for first in range(0, len(lesson.target), 64):
            early = torch.from_numpy(lesson.early[first : first + 64, 0]).float()
            found.append(network.features(early))
    return torch.cat(found)


def _fitted(
    seen: torch.Tensor, lesson: Lesson, sources: NDArray[np.str_], is_live: NDArray[np.bool_], used: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[n]: the logits of a logistic head, fitted on the views that are used, by L-BFGS."""
    x, target = seen[torch.from_numpy(used)], torch.from_numpy(lesson.target[used])
    weight = torch.from_numpy(sampling_weights(sources[used].tolist(), is_live[used].tolist())).float()
    head = nn.Linear(FEATURES, 1)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        each = nn.functional.binary_cross_entropy_with_logits(head(x)[:, 0], target, reduction="none")
        value = (weight * each).sum() + _PENALTY * head.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        return np.asarray(head(seen)[:, 0].double().numpy(), np.float64)


def _judged(
    logits: NDArray[np.float64], mine: NDArray[np.bool_], judged: NDArray[np.bool_], is_live: NDArray[np.bool_]
) -> tuple[float, float]:
    live, attacks = (_of_class(logits, mine, judged, is_live == value) for value in (True, False))
    rates = float((sigmoid(attacks) >= 0.5).mean()), float((sigmoid(live) < 0.5).mean())
    return ScoredClasses(live, attacks).curve().auc(), sum(rates) / 2


def _of_class(
    logits: NDArray[np.float64], mine: NDArray[np.bool_], judged: NDArray[np.bool_], of_class: NDArray[np.bool_]
) -> NDArray[np.float64]:
    own = mine & of_class
    return np.asarray(logits[own if own.sum() >= _LEAST_OF_A_CLASS else judged & of_class], np.float64)
