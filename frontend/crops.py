"""A picture and the face in it → the crop that the anti-spoof model looks at."""

from dataclasses import dataclass

import cv2
import numpy as np

from frontend.faces import FaceBox
from frontend.images import RgbImage

CROP_SIDE_PIXELS = 128
_BLAZEFACE_TO_YUNET = 0.823  # BlazeFace's box has this share of the side of the boxes that such scales are told for
CROP_SCALE = 2.0 / _BLAZEFACE_TO_YUNET
ENOUGH_FINENESS = 3
"""From here on a picture decoded at a reduced size gives the crop of the full one: the score moves less than by a box
that is one pixel off."""


@dataclass(frozen=True, slots=True)
class Window:
    """A square within a picture, in whole pixels; `left` and `top` are its first column and row."""

    left: int
    top: int
    side: int


def window_around(box: FaceBox, scale: float, width: int, height: int) -> Window:
    """The square of `scale` × the larger side of the box, around its centre.

    It is never larger than the picture's shorter side, and it is shifted, not clipped or padded, to stay inside.
    """
    side = max(1, min(round(scale * max(box.width, box.height)), width, height))
    left = round(box.left + box.width / 2 - side / 2)
    top = round(box.top + box.height / 2 - side / 2)
    return Window(min(max(left, 0), width - side), min(max(top, 0), height - side), side)


def cut(image: RgbImage, window: Window) -> RgbImage:
    """The window resized to 128×128, by pixel-area averaging where it shrinks and bilinearly where it grows."""
    square = image[window.top : window.top + window.side, window.left : window.left + window.side]
    interpolation = cv2.INTER_AREA if window.side > CROP_SIDE_PIXELS else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (CROP_SIDE_PIXELS, CROP_SIDE_PIXELS), interpolation=interpolation), np.uint8)


def fineness(box: FaceBox) -> float:
    """Pixels of the picture under each pixel of the crop, along one side."""
    return CROP_SCALE * max(box.width, box.height) / CROP_SIDE_PIXELS


def crop_face(image: RgbImage, box: FaceBox) -> RgbImage:
    """One face with some of its surroundings, in the window that the model was trained on: [128, 128, 3] uint8 RGB."""
    height, width = image.shape[:2]
    return cut(image, window_around(box, CROP_SCALE, width, height))
