"""The worst mistakes, small, to be looked at."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg

from frontend.decoding import ImageLimits, decode_reduced
from frontend.evaluation.judging import Judged

MOST_OF_A_KIND = 18
_HEIGHT_PIXELS = 150
_LONGEST_PIXELS = 300


@dataclass(frozen=True, slots=True)
class Mistake:
    """One picture, small, as a data URI, and what it was taken for."""

    judged: Judged
    picture: str


def worst_mistakes(judged: Sequence[Judged], limits: ImageLimits) -> dict[str, list[Mistake]]:
    """By kind: the attacks that passed, the bona fide that did not, and those without a response; the worst first."""
    answered = [one for one in judged if one.has_response]
    kinds = {
        "Attacks taken for live": sorted(
            (one for one in answered if one.sample.label == "attack" and one.verdict.is_live),
            key=lambda one: -one.verdict.liveness_score,
        ),
        "Bona fide taken for attacks": sorted(
            (one for one in answered if one.sample.label == "bona_fide" and not one.verdict.is_live),
            key=lambda one: one.verdict.liveness_score,
        ),
        "Bona fide without a response": [
            one for one in judged if one.sample.label == "bona_fide" and not one.has_response
        ],
    }
    return {
        kind: [Mistake(one, _thumbnail(one.sample.path.read_bytes(), limits)) for one in several[:MOST_OF_A_KIND]]
        for kind, several in kinds.items()
        if several
    }


def _thumbnail(data: bytes, limits: ImageLimits) -> str:
    image, _ = decode_reduced(data, limits, _HEIGHT_PIXELS)
    height, width = image.shape[:2]
    factor = min(_HEIGHT_PIXELS / height, _LONGEST_PIXELS / width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = np.ascontiguousarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    return "data:image/jpeg;base64," + base64.b64encode(simplejpeg.encode_jpeg(small, 80, "RGB")).decode()
