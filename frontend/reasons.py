"""The measures of a picture → the reasons why it is not fit for a verdict."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the settings know the reasons, and need no OpenCV
    from frontend.quality import Examination


class Reason(str, Enum):
    """Why a picture is not fit, the gravest first; a refusal names the first that applies."""

    FACE_NOT_FOUND = "FACE_NOT_FOUND"
    TOO_MANY_FACES = "TOO_MANY_FACES"
    FACE_CROPPED = "FACE_CROPPED"
    FACE_TOO_SMALL = "FACE_TOO_SMALL"
    FACE_CLOSE_TO_BORDER = "FACE_CLOSE_TO_BORDER"
    FACE_ANGLE_TOO_LARGE = "FACE_ANGLE_TOO_LARGE"
    IMAGE_TOO_DARK = "IMAGE_TOO_DARK"
    IMAGE_TOO_BRIGHT = "IMAGE_TOO_BRIGHT"
    IMAGE_TOO_BLURRY = "IMAGE_TOO_BLURRY"


ALWAYS_REFUSED = frozenset({Reason.FACE_NOT_FOUND})
"""Without a face there is nothing to judge."""


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Where a measure of `frontend.quality`, in its unit, becomes a reason."""

    max_faces: int
    min_face_size_pixels: float
    min_border_margin: float
    max_face_angle_degrees: float
    min_sharpness: float
    min_brightness: float
    max_brightness: float


def reasons_of(examination: "Examination", limits: QualityLimits) -> tuple[Reason, ...]:
    """Every reason that applies, the gravest first; light is judged by the whole picture where there is no face."""
    return tuple(sorted(_reasons(examination, limits), key=list(Reason).index))


def _reasons(examination: "Examination", limits: QualityLimits) -> Iterator[Reason]:
    if examination.brightness < limits.min_brightness:
        yield Reason.IMAGE_TOO_DARK
    if examination.brightness > limits.max_brightness:
        yield Reason.IMAGE_TOO_BRIGHT
    if len(examination.faces) > limits.max_faces:
        yield Reason.TOO_MANY_FACES
    quality = examination.quality
    if quality is None:
        yield Reason.FACE_NOT_FOUND
        return
    if quality.border_margin < 0:
        yield Reason.FACE_CROPPED
    elif quality.border_margin < limits.min_border_margin:
        yield Reason.FACE_CLOSE_TO_BORDER
    if quality.size_pixels < limits.min_face_size_pixels:
        yield Reason.FACE_TOO_SMALL
    if quality.pose.largest_degrees > limits.max_face_angle_degrees:
        yield Reason.FACE_ANGLE_TOO_LARGE
    if quality.sharpness < limits.min_sharpness:
        yield Reason.IMAGE_TOO_BLURRY


def refusing_reasons(listed: str) -> frozenset[Reason]:
    """A list of reasons with commas between → those that refuse, ALWAYS_REFUSED among them; raises ValueError."""
    names = [name.strip() for name in listed.split(",") if name.strip()]
    unknown = [name for name in names if name not in Reason.__members__]
    if unknown:
        raise ValueError(f"no such reason: {', '.join(unknown)}; there are {', '.join(Reason.__members__)}")
    return ALWAYS_REFUSED | {Reason(name) for name in names}
