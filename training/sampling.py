"""How often each source and class is shown: ten times the images do not make a source worth ten times as much."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def sampling_weights(sources: Sequence[str], is_live: Sequence[bool]) -> NDArray[np.float64]:
    """Probabilities, [n], that sum to 1: a source by the root of its size, within it either class alike."""
    of_source = Counter(sources)
    of_class = Counter(zip(sources, is_live, strict=True))
    classes = Counter(source for source, _ in of_class)
    weights = np.asarray(
        [
            np.sqrt(of_source[source]) / classes[source] / of_class[source, label]
            for source, label in zip(sources, is_live, strict=True)
        ]
    )
    return np.asarray(weights / weights.sum(), np.float64)


def draw(weights: NDArray[np.float64], count: int, random: np.random.Generator) -> NDArray[np.intp]:
    """`count` places, [count], by their weights, with repetition."""
    return random.choice(len(weights), count, p=weights)
