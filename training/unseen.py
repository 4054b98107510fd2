"""A source that a network has not learned from: which views show nothing of it, and how it is judged."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frontend.evaluation.metrics import Array, ScoredClasses
from training.errors import TrainingRefused
from training.targets import sigmoid
from training.views import Views

LEAST_OF_A_CLASS = 5
"""Fewer images of a class than these are no class of their own, and a source with fewer is not judged."""


@dataclass(frozen=True, slots=True)
class UnseenSource:
    """What a network says of a source that it has not seen; error rates at 0.5, `live` and `attacks` are its images.

    Of a class that the source has not, or too seldom, the held-back images of the other sources were judged instead.
    """

    source: str
    live: int
    attacks: int
    auc: float
    apcer: float
    bpcer: float
    acer: float


def shows_nothing_of(source: str, views: Views, sources: Sequence[str]) -> NDArray[np.bool_]:
    """[n] views: neither the image nor its mate, mixed in or the surround of an implant, is of this source."""
    of_source = np.asarray([name == source for name in sources])
    return np.asarray(~of_source[views.image] & ~((views.mate >= 0) & of_source[views.mate]))


def sources_to_judge(views: Views, sources: Sequence[str], is_live: NDArray[np.bool_]) -> list[str]:
    """The sources with enough images, in alphabetical order.

    Raises TrainingRefused when what is left without one of them has not both classes.
    """
    names = [name for name in sorted(set(sources)) if sources.count(name) >= LEAST_OF_A_CLASS]
    for name in names:
        left = is_live[views.image[shows_nothing_of(name, views, sources)]]
        if left.all() or not left.any():
            missing = "attacks" if left.size and left.all() else "live images"
            raise TrainingRefused(
                f"without the source {name!r} there are no {missing} to learn from: "
                "leaving a source out needs a `source` column with several, and both classes in what is left"
            )
    return names


def judged_places(
    source: str, sources: Sequence[str], is_live: NDArray[np.bool_], is_held_back: Sequence[bool]
) -> tuple[list[int], list[int]]:
    """Where the live images and the attacks stand by which a network that has not seen the source is judged.

    Raises TrainingRefused when neither the source nor what is held back of the others has a class.
    """
    classes = []
    for label in (True, False):
        of_class = [i for i, live in enumerate(is_live) if live == label]
        own = [i for i in of_class if sources[i] == source]
        others = [i for i in of_class if sources[i] != source and is_held_back[i]]
        if len(own) < LEAST_OF_A_CLASS and not others:
            missing = "live images" if label else "attacks"
            raise TrainingRefused(f"to judge the source {source!r}, too few {missing}: none is held back of the others")
        classes.append(own if len(own) >= LEAST_OF_A_CLASS else others)
    return classes[0], classes[1]


def figures_of(
    source: str, sources: Sequence[str], live: tuple[list[int], Array], attacks: tuple[list[int], Array]
) -> UnseenSource:
    """One row: of each class, where its judged images stand, and their logits."""
    apcer, bpcer = float((sigmoid(attacks[1]) >= 0.5).mean()), float((sigmoid(live[1]) < 0.5).mean())
    return UnseenSource(
        source=source,
        live=sum(sources[i] == source for i in live[0]),
        attacks=sum(sources[i] == source for i in attacks[0]),
        auc=ScoredClasses(live[1], attacks[1]).curve().auc(),
        apcer=apcer,
        bpcer=bpcer,
        acer=(apcer + bpcer) / 2,
    )
