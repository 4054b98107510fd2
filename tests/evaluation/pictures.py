"""Labelled pictures made in code: a portrait in many lights and sizes, and what screens and prints make of it."""

from pathlib import Path

import cv2
import numpy as np

from frontend.images import RgbImage
from tests.conftest import jpeg_of, recaptured_on_a_screen

OF_A_CLASS = 12


def printed(image: RgbImage) -> RgbImage:
    """The picture as a cheap printer puts it on a sheet: grey, of little contrast, in coarse dots, with margins."""
    grey = cv2.cvtColor(cv2.resize(image, (1000, 750)), cv2.COLOR_RGB2GRAY)
    y, x = np.mgrid[:750, :1000]
    dots = 90 + 0.5 * grey + 18 * np.sin((x + y) / 1.7) * np.sin((x - y) / 1.7)
    sheet = np.full((960, 1280), 232, np.uint8)
    sheet[105:855, 140:1140] = np.clip(dots, 0, 255)
    return np.asarray(np.repeat(sheet[:, :, None], 3, axis=2), np.uint8)


def variants(image: RgbImage, number: int) -> list[RgbImage]:
    """The picture in so many lights."""
    factors = np.linspace(0.75, 1.15, number)
    return [np.clip(image * factor, 0, 255).astype(np.uint8) for factor in factors]


def make_folder(folder: Path, portrait: RgbImage) -> Path:
    """`live`, `spoof/screen`, `spoof/print` and `noface`, as `liveness evaluate` takes them."""
    small = np.asarray(cv2.resize(portrait, (640, 480), interpolation=cv2.INTER_AREA), np.uint8)
    classes = {
        "live": variants(small, OF_A_CLASS),
        "spoof/screen": [recaptured_on_a_screen(one) for one in variants(portrait, OF_A_CLASS // 2)],
        "spoof/print": [printed(one) for one in variants(portrait, OF_A_CLASS // 2)],
        "noface": [np.full((200, 300, 3), 90, np.uint8)],
    }
    for name, pictures in classes.items():
        (folder / name).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            (folder / name / f"{number:02}.jpg").write_bytes(jpeg_of(picture))
    return folder
