"""A picture and the faces in it → how well it can be judged, in the measures of ISO/IEC 29794-5 (face image quality).

They say whether the picture is fit for a verdict, never whether the person in it is live.
"""

from dataclasses import dataclass
from math import asin, atan2, degrees

import cv2
import numpy as np
from numpy.typing import NDArray

from frontend.crops import CROP_SIDE_PIXELS, cut, window_around
from frontend.faces import FaceBox, Point
from frontend.images import RgbImage

_HEAD_MM = np.array(
    [
        [-31.5, -26.2, -34.7],
        [31.5, -26.2, -34.7],
        [0, 11.3, -74.8],
        [0, 38.5, -54.0],
        [-76.6, -6.7, 24.4],
        [76.6, -6.7, 24.4],
    ]
)
"""[6, 3]: LANDMARKS on a head that faces the camera; x to the right of the picture, y down, z away from the camera.

Out of MediaPipe's canonical face model (Apache-2.0): the middles of the eyes' corners and of the lips, and the rest.
"""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head is turned, in degrees, with the signs of ISO/IEC 19794-5: 0, 0, 0 looks into the camera.

    Positive yaw looks to the person's own left, positive pitch down, positive roll leans to the right shoulder.
    """

    yaw_degrees: float
    pitch_degrees: float
    roll_degrees: float

    @property
    def largest_degrees(self) -> float:
        """The largest of the three, whatever its sign."""
        return max(abs(self.yaw_degrees), abs(self.pitch_degrees), abs(self.roll_degrees))


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """What is measured of the largest face.

    `size_pixels` is the longer side of its box. `border_margin` is the way from the box to the nearest border of the
    picture as a share of that side, below 0 where the box reaches over it. `sharpness` is the variance of the Laplacian
    (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000) of the face's luma at 128×128 pixels.
    """

    size_pixels: float
    border_margin: float
    sharpness: float
    pose: Pose


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in a picture, in pixels of the upright picture as it was posted.

    `faces` are the largest first. `brightness` is the mean luma (ITU-R BT.601) from 0 black to 1 white, of the largest
    face, or of the whole picture where there is none; `quality` is None then.
    """

    width: int
    height: int
    faces: tuple[FaceBox, ...]
    brightness: float
    quality: FaceQuality | None


def examine(image: RgbImage, faces: list[FaceBox], divisor: int, width: int, height: int) -> Examination:
    """Measure a picture that was decoded at 1/`divisor` of its `width` and `height`, in which `faces` were found."""
    if not faces:
        return Examination(width, height, (), _brightness(_luma(_thumbnail(image))), None)
    box = faces[0]
    grey = _luma(cut(image, window_around(box, 1.0, image.shape[1], image.shape[0])))
    quality = FaceQuality(
        size_pixels=divisor * max(box.width, box.height),
        border_margin=_border_margin(box, image.shape[1], image.shape[0]),
        sharpness=float(cv2.Laplacian(grey, cv2.CV_32F).var()),
        pose=pose_of(box.landmarks),
    )
    return Examination(width, height, tuple(face.enlarged(divisor) for face in faces), _brightness(grey), quality)


def pose_of(landmarks: tuple[Point, ...]) -> Pose:
    """The pose of a head with these LANDMARKS, by least squares under a scaled orthographic camera.

    DeMenthon and Davis, "Model-based object pose in 25 lines of code" (1995), its first step.
    """
    seen = np.asarray(landmarks) - np.mean(landmarks, axis=0)
    affine, *_ = np.linalg.lstsq(_HEAD_MM - _HEAD_MM.mean(axis=0), seen, rcond=None)
    left, _, right = np.linalg.svd(affine.T, full_matrices=False)
    rows = left @ right  # the nearest two rows of a rotation
    third = np.cross(rows[0], rows[1])
    yaw = atan2(-rows[0, 2], third[2])
    pitch = asin(float(np.clip(-rows[1, 2], -1, 1)))
    roll = atan2(-rows[1, 0], rows[1, 1])
    return Pose(degrees(yaw), degrees(pitch), degrees(roll))


def _border_margin(box: FaceBox, width: int, height: int) -> float:
    margins = (box.left, box.top, width - box.left - box.width, height - box.top - box.height)
    return min(margins) / max(box.width, box.height)


def _thumbnail(image: RgbImage) -> RgbImage:
    size = (CROP_SIDE_PIXELS, CROP_SIDE_PIXELS)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _brightness(luma: NDArray[np.uint8]) -> float:
    return float(luma.mean()) / 255


def _luma(image: RgbImage) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
