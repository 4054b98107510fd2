"""Implants: the face of one picture set into the surround of another, live one, so that the surround tells nothing.

Of an attack it comes near to a cut-out print, a paper mask, or a screen whose frame is out of sight; of a live face it
is the control, without which a pasted edge would tell an attack.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from frontend.images import RgbImage
from training.augment import Random
from training.regions import Region

_SMALLEST, _LARGEST = 1.0, 2.2
"""Sides of the patch, in sides of the face's box."""


def implant(face: Region, surround: Region, random: Random) -> Region:
    """The surround's picture with the other face on its face, brought to its size; the box is the surround's.

    The patch is a rectangle or an ellipse, its edge hard or feathered, its colours its own or those of what it covers.
    """
    size = max(surround.box.width, surround.box.height)
    pixels, x, y = _resized(face, size / max(face.box.width, face.box.height))
    centre = surround.box.left + surround.box.width / 2, surround.box.top + surround.box.height / 2
    left, top = round(centre[0] - x), round(centre[1] - y)
    height, width = surround.pixels.shape[:2]
    first_x, last_x = max(left, 0), min(left + pixels.shape[1], width)
    first_y, last_y = max(top, 0), min(top + pixels.shape[0], height)
    patch = pixels[first_y - top : last_y - top, first_x - left : last_x - left].astype(np.float32)
    under = surround.pixels[first_y:last_y, first_x:last_x].astype(np.float32)
    share = _share(last_x - first_x, last_y - first_y, centre[0] - first_x, centre[1] - first_y, size, random)
    if random.random() < 0.5:
        patch = _matched(patch, under, share)
    out = surround.pixels.copy()
    out[first_y:last_y, first_x:last_x] = np.clip(under + share[..., None] * (patch - under) + 0.5, 0, 255)
    return Region(out, surround.box)


def _resized(face: Region, factor: float) -> tuple[RgbImage, float, float]:
    """The picture enlarged by `factor`, and the middle of the face in it."""
    height, width = face.pixels.shape[:2]
    shape = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = cv2.resize(face.pixels, shape, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR)
    x, y = face.box.left + face.box.width / 2, face.box.top + face.box.height / 2
    return np.asarray(pixels, np.uint8), x * factor, y * factor


def _share(width: int, height: int, x: float, y: float, size: float, random: Random) -> NDArray[np.float32]:
    """[height, width] in 0 to 1: how much of the patch is seen, around (x, y)."""
    side = random.uniform(_SMALLEST, _LARGEST) * size
    wide, tall = side * random.uniform(0.85, 1, 2)
    across = np.abs(np.arange(width) + 0.5 - x)[None] / (wide / 2)
    down = np.abs(np.arange(height) + 0.5 - y)[:, None] / (tall / 2)
    is_ellipse = random.random() < 0.5
    inside = np.hypot(across, down) <= 1 if is_ellipse else np.maximum(across, down) <= 1
    share = np.asarray(inside, np.float32)
    if random.random() < 0.3:
        return share
    sigma = random.uniform(0.01, 0.09) * size
    return np.asarray(cv2.GaussianBlur(share, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _matched(patch: NDArray[np.float32], under: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each channel with the mean and, within limits, the spread of what is covered.

    Reinhard et al., "Color Transfer between Images" (2001), in RGB.
    """
    covered = share > 0.5
    ours, theirs = patch[covered], under[covered]
    spread = np.clip((theirs.std(axis=0) + 1) / (ours.std(axis=0) + 1), 0.6, 1.6)
    return np.asarray((patch - ours.mean(axis=0)) * spread + theirs.mean(axis=0), np.float32)
