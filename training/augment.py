"""What cameras, light, compression and networks do to a picture, drawn at random; pure in the generator.

Pictures are [height, width, 3] uint8 RGB. `unit` is the side of the face crop's window in the picture's pixels, so that
the same strength does the same to a small picture and to a large one.
"""

from collections.abc import Callable

import cv2
import numpy as np

from frontend.images import RgbImage

Random = np.random.Generator
Change = Callable[[RgbImage, Random, float], RgbImage]


def heavy(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """A hard view: each kind of change by chance; about a sixth of the pictures stays unharmed."""
    if random.random() < 0.15:
        return image
    for probability, change in _CHAIN:
        if random.random() < probability:
            image = change(image, random, unit)
    return image


def relight(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """Gamma, gain, offset and a cast of colour, as one table for each channel."""
    x = np.linspace(0, 1, 256)
    gamma, gain, offset = 2 ** random.uniform(-0.8, 0.8), random.uniform(0.6, 1.3), random.uniform(-0.12, 0.12)
    cast = 1 + random.uniform(-0.12, 0.12, 3) * (random.random() < 0.6)
    table = np.clip((x[:, None] ** gamma * gain + offset) * cast * 255, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table[None]), np.uint8)


def fade(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """Less or more colour, down to grey."""
    amount = 0.0 if random.random() < 0.2 else random.uniform(0.4, 1.5)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(image, amount, grey, 1 - amount, 0), np.uint8)


def turn(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """Up to 10 degrees about the middle; the corners are mirrored in."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), random.uniform(-10, 10), 1.0)
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def dim(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """An eighth to two fifths of the light, with the noise that a camera adds to lift it."""
    dark = cv2.convertScaleAbs(image, alpha=random.uniform(0.12, 0.4))
    return _noisy(np.asarray(dark, np.uint8), random, random.uniform(1, 5))


def blur(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """Out of focus, or moved while the shutter was open."""
    if random.random() < 0.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.3, random.uniform(0.003, 0.018) * unit)), np.uint8)
    length = max(2, round(random.uniform(0.015, 0.06) * unit))
    kernel = np.zeros((length, length), np.float32)
    angle = random.uniform(0, np.pi)
    reach = (length - 1) / 2
    for t in np.linspace(-reach, reach, 2 * length):
        kernel[round(reach + t * np.sin(angle)), round(reach + t * np.cos(angle))] = 1
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def noise(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """White noise of 3 to 20 grey levels."""
    return _noisy(image, random, random.uniform(3, 20))


def coarsen(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """Fewer pixels: 40 to 110 across the face crop's window, and enlarged again."""
    return _resampled(image, random.uniform(40, 110) / unit)


def compress(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """JPEG of quality 25 to 90."""
    return jpeg(image, int(random.integers(25, 91)))


def erase(image: RgbImage, random: Random, unit: float) -> RgbImage:
    """A rectangle of one colour somewhere (Zhong et al., "Random Erasing Data Augmentation", 2017)."""
    height, width = image.shape[:2]
    tall, wide = (max(1, round(random.uniform(0.1, 0.45) * unit)) for _ in range(2))
    top, left = int(random.integers(0, height)), int(random.integers(0, width))
    out: RgbImage = image.copy()
    out[top : top + tall, left : left + wide] = random.integers(0, 256, 3, dtype=np.uint8)
    return out


def jpeg(image: RgbImage, quality: int) -> RgbImage:
    """Through JPEG and back."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _noisy(image: RgbImage, random: Random, sigma: float) -> RgbImage:
    grain = random.standard_normal(image.shape, np.float32)
    return np.clip(image + sigma * grain + 0.5, 0, 255).astype(np.uint8)


def _resampled(image: RgbImage, factor: float) -> RgbImage:
    if factor >= 1:
        return image
    height, width = image.shape[:2]
    small = cv2.resize(
        image, (max(8, round(width * factor)), max(8, round(height * factor))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


_CHAIN: tuple[tuple[float, Change], ...] = (
    (0.7, relight),
    (0.25, fade),
    (0.2, turn),
    (0.12, dim),
    (0.3, blur),
    (0.25, coarsen),
    (0.25, noise),
    (0.2, erase),
    (0.5, compress),
)

DEGRADATIONS: dict[str, Change] = {
    "blur": lambda image, random, unit: np.asarray(cv2.GaussianBlur(image, (0, 0), 0.014 * unit), np.uint8),
    "noise": lambda image, random, unit: _noisy(image, random, 14.0),
    "jpeg": lambda image, random, unit: jpeg(image, int(random.integers(30, 61))),
    "dim": lambda image, random, unit: _noisy(
        np.asarray(cv2.convertScaleAbs(image, alpha=0.25), np.uint8), random, 2.0
    ),
    "small": lambda image, random, unit: _resampled(image, 56 / unit),
}
"""Single changes of a fixed strength, by which models are compared on held-back images."""
