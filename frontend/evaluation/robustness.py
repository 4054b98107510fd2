"""How much the answered score moves when the same photograph is stored, scaled, turned, lit or cut differently."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import simplejpeg

from frontend.evaluation.figures import Rate, rate_of
from frontend.evaluation.judging import Judged
from frontend.images import RgbImage
from frontend.pipeline import Verdict

Change = Callable[[RgbImage], bytes]
"""A picture → the file of the changed one."""


@dataclass(frozen=True, slots=True)
class Shift:
    """What one change did: `mean_difference` is of |Δ liveness_score|, over pictures whose face was found both times.

    `flips` are verdicts that changed, `attacks_let_in` those that became live of an attack, `faces_lost` are faces that
    were not found any more (which flips a live verdict).
    """

    change: str
    mean_difference: float | None
    p95_difference: float | None
    flips: Rate
    attacks_let_in: int
    live_turned_away: int
    faces_lost: int


def changes() -> Mapping[str, Change]:
    """Every change by its name. All but re-encoding are stored as the first, whose row is what storing alone does."""
    return {
        "stored again, JPEG 4:4:4 quality 100": _stored,
        **{f"JPEG quality {quality}": partial(_jpeg, quality=quality) for quality in (95, 85, 70, 50)},
        **{f"scaled by {factor:g}": partial(_scaled, factor=factor) for factor in (0.5, 0.75, 1.5, 2)},
        **{f"turned by {angle:+d}°": partial(_turned, degrees=angle) for angle in (-10, -5, 5, 10)},
        **{f"brightness × {factor:g}": partial(_lit, factor=factor) for factor in (0.6, 0.8, 1.2, 1.4)},
        **{f"middle {share} % kept": partial(_cut, share=share / 100) for share in (95, 90, 80)},
    }


def sample_of(judged: Sequence[Judged], number: int, seed: int = 0) -> list[Judged]:
    """So many pictures in which a face was found, half bona fide and half attacks if there are as many."""
    random = np.random.default_rng(seed)
    chosen: list[Judged] = []
    for label, most in (("attack", number // 2), ("bona_fide", number - number // 2)):
        of_label = [one for one in judged if one.has_response and one.sample.label == label]
        picked = random.permutation(len(of_label))[:most]
        chosen += [of_label[i] for i in sorted(picked.tolist())]
    return chosen


def shift_of(change: str, before: Sequence[Judged], after: Sequence[Verdict]) -> Shift:
    """What the change of this name did to pictures that were judged `before` it and `after` it, in the same order."""
    pairs = [(one.sample.label, one.verdict, then) for one, then in zip(before, after, strict=True)]
    differences = np.array([abs(then.liveness_score - was.liveness_score) for _, was, then in pairs if then.face_found])
    let_in = sum(label == "attack" and then.is_live > was.is_live for label, was, then in pairs)
    turned_away = sum(label == "bona_fide" and then.is_live < was.is_live for label, was, then in pairs)
    return Shift(
        change=change,
        mean_difference=float(differences.mean()) if differences.size else None,
        p95_difference=float(np.percentile(differences, 95)) if differences.size else None,
        flips=rate_of(sum(was.is_live != then.is_live for _, was, then in pairs), len(pairs)),
        attacks_let_in=let_in,
        live_turned_away=turned_away,
        faces_lost=sum(not then.face_found for _, _, then in pairs),
    )


def _stored(image: RgbImage) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), 100, "RGB", "444"))


def _jpeg(image: RgbImage, quality: int) -> bytes:
    return bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "420"))


def _scaled(image: RgbImage, factor: float) -> bytes:
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return _stored(np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=interpolation), np.uint8))


def _turned(image: RgbImage, degrees: float) -> bytes:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    turned = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return _stored(np.asarray(turned, np.uint8))


def _lit(image: RgbImage, factor: float) -> bytes:
    return _stored(np.clip(image.astype(np.float32) * factor, 0, 255).round().astype(np.uint8))


def _cut(image: RgbImage, share: float) -> bytes:
    height, width = image.shape[:2]
    top, left = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    return _stored(image[top : height - top, left : width - left])
