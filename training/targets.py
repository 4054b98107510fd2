"""What the student is to say of a view: a mixture of the label and of what the teachers say."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.views import Views

SYNTHETIC = ("recapture", "implant")
"""Kinds of views that no teacher saw the like of."""
_SMOOTHING = 0.02


@dataclass(frozen=True, slots=True)
class Shares:
    """How much the label, the two-crop model, and the public networks weigh; they sum to 1."""

    label: float
    two_crop: float
    public: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """P(live) = sigmoid(slope × logit + offset); Platt, "Probabilistic Outputs for Support Vector Machines" (1999)."""

    slope: float
    offset: float

    def __call__(self, logits: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated logits."""
        return self.slope * logits + self.offset


def fit_calibration(logits: NDArray[np.float64], is_live: NDArray[np.bool_]) -> Calibration:
    """The most likely calibration of [n] logits, both classes weighing the same; by Newton's method."""
    x = np.stack([logits, np.ones_like(logits)], axis=1)
    weight = np.where(is_live, 0.5 / max(1, is_live.sum()), 0.5 / max(1, (~is_live).sum()))
    parameters = np.zeros(2)
    for _ in range(30):
        p = sigmoid(x @ parameters)
        gradient = x.T @ (weight * (p - is_live)) + 1e-4 * parameters
        curvature = (x * (weight * p * (1 - p))[:, None]).T @ x + 1e-4 * np.eye(2)
        parameters -= np.linalg.solve(curvature, gradient)
    return Calibration(float(parameters[0]), float(parameters[1]))


def public_mean(views: Views) -> NDArray[np.float64]:
    """[n]: the mean logit of the public networks, before calibration."""
    return np.asarray(views.logits[:, 1:].mean(axis=1), np.float64)


def labels_of(views: Views, is_live: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[n] in 0 to 1: the label of what each view shows, mixed as the picture is; a recapture is an attack.

    An implant is what its face is, whose share is 1.
    """
    first = is_live[views.image] & (views.kind != "recapture")
    second = np.where(views.mate >= 0, is_live[views.mate], first)
    return np.asarray(views.weight * first + (1 - views.weight) * second, np.float64)


def targets_of(views: Views, is_live: NDArray[np.bool_], shares: Shares, public: Calibration) -> NDArray[np.float64]:
    """[n] in 0 to 1. Of recaptures and implants only the label counts: the teachers saw none and take many for live."""
    label = _SMOOTHING + (1 - 2 * _SMOOTHING) * labels_of(views, is_live)
    taught = shares.label * label + shares.two_crop * sigmoid(views.logits[:, 0].astype(np.float64))
    taught += shares.public * sigmoid(public(public_mean(views)))
    return np.where(np.isin(views.kind, SYNTHETIC), label, taught)


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -60, 60))), np.float64)
