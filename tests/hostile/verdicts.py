"""What must hold for one hostile picture: refused, or decoded as a second decoder does it, and within a second."""

import time
from dataclasses import dataclass

import numpy as np

from frontend.decoding import ImageLimits, decode_image, decode_reduced
from frontend.errors import InvalidImage
from frontend.settings import Settings
from tests.hostile.second_decoder import pillow_pixels

LONGEST_S = 1.0


def limits() -> ImageLimits:
    """Those that the service starts with."""
    settings = Settings()
    return ImageLimits(int(settings.max_image_megapixels * 1e6), settings.max_image_side_pixels)


@dataclass(frozen=True)
class Finding:
    """What is wrong with how one file was taken."""

    what: str


def examine(file: bytes, bounds: ImageLimits) -> tuple[bool, float, Finding | None]:
    """Whether the file was accepted, the processor seconds that it took, and what was found wrong."""
    began_s = time.thread_time()
    try:
        decoded = decode_image(file, bounds)
    except InvalidImage:
        decoded = None
    except Exception as error:  # noqa: BLE001  this is what is looked for
        return False, time.thread_time() - began_s, Finding(f"{type(error).__name__} escaped: {error}")
    took_s = time.thread_time() - began_s
    if took_s > LONGEST_S:
        return decoded is not None, took_s, Finding(f"took {took_s:.2f} s")
    if decoded is None:
        return False, took_s, None
    return True, took_s, _compared(file, decoded, bounds)


def _compared(file: bytes, decoded: np.ndarray, bounds: ImageLimits) -> Finding | None:
    by_pillow = pillow_pixels(file)
    if by_pillow is None:
        return Finding("accepted, but Pillow refuses it")
    seen, tolerance = by_pillow
    if seen.shape != decoded.shape:
        return Finding(f"decoded to {decoded.shape}, by Pillow to {seen.shape}")
    apart = int(np.abs(decoded.astype(np.int16) - seen).max())
    if apart > tolerance:
        return Finding(f"{apart} levels away from what Pillow sees")
    try:
        decode_reduced(file, bounds, enough_side_pixels=16)
    except InvalidImage:
        return Finding("accepted in full, refused when reduced")
    return None
