"""Pictures to ask about: one portrait in the sizes and formats of selfies, made afresh and always the same."""

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from benchmarks.lib.command import Unable

_SENSOR_NOISE = 3.0
"""Standard deviation, of 255, for a picture that would otherwise be smoother than any camera's."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a file."""

    name: str
    media_type: str
    data: bytes

    def body(self, hash_id: str) -> bytes:
        """The JSON body of a request about it."""
        uri = f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"
        return json.dumps({"hash_id": hash_id, "selfie_image": uri}).encode()


def selfie() -> Picture:
    """1280×960 JPEG of about 250 KB, from which all goals but one are measured."""
    return _jpeg("jpeg-1280x960", portrait(1280, 960), 250_000)


def large_selfie() -> Picture:
    """4032×3024 JPEG of about 1.5 MB, as a telephone's camera takes it."""
    return _jpeg("jpeg-4032x3024", portrait(4032, 3024), 1_500_000)


def small_selfie() -> Picture:
    """640×480, as a webcam takes it."""
    return _jpeg("jpeg-640x480", portrait(640, 480), 60_000)


def progressive_selfie() -> Picture:
    """As `selfie`, coded in several scans."""
    return _jpeg("progressive-1280x960", portrait(1280, 960), 250_000, progressive=True)


def png_selfie() -> Picture:
    """As `small_selfie`, without loss."""
    return Picture("png-640x480", "image/png", _encoded(portrait(640, 480), "PNG"))


CORPUS = {
    "jpeg-1280x960": selfie,
    "jpeg-640x480": small_selfie,
    "jpeg-4032x3024": large_selfie,
    "progressive-1280x960": progressive_selfie,
    "png-640x480": png_selfie,
}
"""Every size and format, by name."""


def corpus(names: Sequence[str] = tuple(CORPUS)) -> list[Picture]:
    """The pictures with these names; Unable for one that is not there."""
    if unknown := set(names) - set(CORPUS):
        raise Unable(f"no picture is called {', '.join(sorted(unknown))}; there are {', '.join(CORPUS)}")
    return [CORPUS[name]() for name in names]


def portrait(width: int, height: int) -> NDArray[np.uint8]:
    """NASA's photograph of Eileen Collins (public domain) with a sensor's noise, [height, width, 3] uint8 RGB."""
    enlarged = cv2.resize(_astronaut(), (width, width), interpolation=cv2.INTER_CUBIC)[:height]
    noise = np.random.default_rng(width).normal(0, _SENSOR_NOISE, enlarged.shape)
    return np.clip(enlarged + noise, 0, 255).astype(np.uint8)


def _astronaut() -> NDArray[np.uint8]:
    return np.asarray(data.astronaut(), np.uint8)  # type: ignore[no-untyped-call]


def _jpeg(name: str, image: NDArray[np.uint8], most_bytes: int, **options: bool) -> Picture:
    """In the highest quality whose file is within `most_bytes`."""
    low, high = 5, 96
    while high - low > 1:
        quality = (low + high) // 2
        if len(_encoded(image, "JPEG", quality=quality, **options)) <= most_bytes:
            low = quality
        else:
            high = quality
    return Picture(name, "image/jpeg", _encoded(image, "JPEG", quality=low, **options))


def _encoded(image: NDArray[np.uint8], kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()
