"""Synthetic recaptures: what a photograph looks like when it is shown on a screen or printed, and photographed again.

Each takes a live picture and gives an attack. They imitate the traces, not the optics: a pixel grid that beats with the
camera's (moiré), the refresh of a screen (banding), reflected light (glare), the medium's edges and flatness, the dots
of a printer (half-toning), and a plane that is not quite parallel to the sensor (perspective).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from frontend.images import RgbImage
from training.augment import Random


def recapture(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """The picture as an attack: three fifths screens, two fifths prints; `unit` as in `training.augment`."""
    out = image.astype(np.float32)
    out = _screen(out, random, unit) if random.random() < 0.6 else _print(out, random, unit)
    if random.random() < 0.6:
        out = _glare(out, random)
    if random.random() < 0.35:
        out = _edge(out, random, unit)
    return _tilted(np.clip(out, 0, 255).astype(np.uint8), random)


def _screen(image: NDArray[np.float32], random: Random, unit: float) -> NDArray[np.float32]:
    """Moiré of the pixel grid in each colour, banding of the refresh, raised black, colder white."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(unit)
    angle, cycles = random.uniform(0, np.pi), random.uniform(6, 45)
    depth = random.uniform(0.03, 0.16)
    bend = random.uniform(-1.5, 1.5)
    for channel in range(3):
        turn = angle + channel * random.uniform(0.0, 0.12)
        along = x * np.cos(turn) + y * np.sin(turn) + bend * (x * y) / 8
        image[..., channel] *= 1 + depth * np.sin(2 * np.pi * cycles * along + random.uniform(0, 6.3))
    if random.random() < 0.5:
        bands = np.sin(2 * np.pi * (y * random.uniform(0.5, 4) + random.random()))
        image *= (1 + random.uniform(0.03, 0.12) * bands)[..., None]
    floor = random.uniform(4, 35)
    image = floor + image * (1 - floor / 255) * random.uniform(0.8, 1.1)
    return np.asarray(image * np.asarray([random.uniform(0.88, 1), 1, random.uniform(1, 1.14)]), np.float32)


def _print(image: NDArray[np.float32], random: Random, unit: float) -> NDArray[np.float32]:
    """Half-toning, ink that is paler than light, the paper's grain, and its slow shading."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(unit)
    cycles, depth = random.uniform(35, 70), random.uniform(8, 30)
    for channel, turn in enumerate(np.radians([15.0, 75.0, 45.0])):
        u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        image[..., channel] += depth * np.sin(2 * np.pi * cycles * u) * np.sin(2 * np.pi * cycles * v)
    mean = image.mean(axis=2, keepdims=True)
    image = mean + (image - mean) * random.uniform(0.5, 0.9)
    image = random.uniform(15, 50) + image * random.uniform(0.55, 0.8)
    image += random.uniform(1, 5) * random.standard_normal((height, width, 1), np.float32)
    slope = random.uniform(-0.25, 0.25, 2)
    return np.asarray(image * (1 + slope[0] * (x - x.mean()) + slope[1] * (y - y.mean()))[..., None], np.float32)


def _glare(image: NDArray[np.float32], random: Random) -> NDArray[np.float32]:
    """A soft patch of reflected light."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x = (x / width - random.random()) / random.uniform(0.08, 0.4)
    y = (y / height - random.random()) / random.uniform(0.08, 0.4)
    light = np.exp(-(x * x + y * y)) * random.uniform(30, 150)
    return np.asarray(image + light[..., None], np.float32)


def _edge(image: NDArray[np.float32], random: Random, unit: float) -> NDArray[np.float32]:
    """The medium ends within the picture: a frame of one tone along one or more sides."""
    tone = random.uniform(0, 60) if random.random() < 0.6 else random.uniform(180, 250)
    out = image.copy()
    for side in range(4):
        if random.random() < 0.5:
            out = np.rot90(out, side)
            out[: max(1, round(random.uniform(0.02, 0.25) * unit))] = tone
            out = np.rot90(out, -side)
    return np.ascontiguousarray(out)


def _tilted(image: RgbImage, random: Random) -> RgbImage:
    """Seen a little from the side; the corners are mirrored in."""
    height, width = image.shape[:2]
    corners = np.asarray([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    moved = corners + (random.uniform(-0.06, 0.06, (4, 2)) * (width, height)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(moved, corners)
    return np.asarray(cv2.warpPerspective(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8)
