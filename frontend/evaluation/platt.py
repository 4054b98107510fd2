"""How steeply the model's log-odds tell the classes apart: the slope of Platt scaling."""

import numpy as np
from numpy.typing import NDArray

from frontend.errors import InvalidImageSet
from frontend.evaluation.metrics import Array

_STEPS = 100
_STEEPEST = 100.0


def platt_slope(logits: Array, is_bona_fide: NDArray[np.bool_]) -> float:
    """The slope a > 0 of the most likely P(bona fide) = sigmoid(a · logit + b).

    The two classes weigh the same, however many there are of each. Targets are smoothed as in Platt (1999), so that
    classes that do not overlap have a finite slope too; Newton's method with step halving, as in Lin, Lin and Weng,
    "A note on Platt's probabilistic outputs for support vector machines" (2007).

    Raises InvalidImageSet when attacks do not score lower than bona fide presentations.
    """
    number = np.array([np.sum(~is_bona_fide), np.sum(is_bona_fide)])
    target = np.where(is_bona_fide, (number[1] + 1) / (number[1] + 2), 1 / (number[0] + 2))
    weight = 0.5 / number[is_bona_fide.astype(np.intp)]
    design = np.stack([logits, np.ones_like(logits)])
    parameters = np.zeros(2)

    def loss(at: Array) -> float:
        z = at @ design
        return float(np.sum(weight * (np.logaddexp(0, z) - target * z)))

    for _ in range(_STEPS):
        p = 0.5 + 0.5 * np.tanh(parameters @ design / 2)
        gradient = design @ (weight * (p - target))
        curvature = (design * (weight * p * (1 - p))) @ design.T + 1e-12 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while loss(parameters - step) > loss(parameters) and np.abs(step).max() > 1e-9:
            step /= 2
        parameters = parameters - step
        if np.abs(step).max() < 1e-9:
            break
    if parameters[0] <= 0:
        raise InvalidImageSet("attacks score as high as bona fide pictures, or higher: check the labels")
    return float(min(parameters[0], _STEEPEST))
