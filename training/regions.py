"""Each image's face with its surroundings, found once and kept: later steps neither decode nor detect."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from frontend.crops import CROP_SIDE_PIXELS
from frontend.decoding import ImageLimits, decode_image
from frontend.errors import InvalidImage
from frontend.evaluation.samples import Sample
from frontend.faces import FaceBox, FaceDetector
from frontend.images import RgbImage

_LIMITS = ImageLimits(max_pixels=100_000_000, max_side_pixels=20_000)
_FACE_THRESHOLD = 0.5
_FINEST_SCALE, _WIDEST_SCALE = 1.45 / 0.823, 4.6 / 0.823  # of the windows of all networks here, with a margin
_BLACK = 20  # the brightest pixel of a row or column that counts as padding


@dataclass(frozen=True, slots=True)
class Region:
    """The part of an image that any network here looks at, at most twice as fine as its finest crop; with the box."""

    pixels: RgbImage
    box: FaceBox


def find_regions(images: Sequence[Sample], threads: int) -> tuple[list[Region | None], list[str]]:
    """One for each image, None where no face is found; and the names of those that cannot be read, which are None too.

    Black padding is cut off first.
    """
    cv2.setNumThreads(1)
    detector = FaceDetector(_FACE_THRESHOLD)
    with ThreadPoolExecutor(threads) as pool:
        found = list(pool.map(lambda image: _find(image.path, detector), images))
    unreadable = [f"{image.name} ({what})" for image, what in zip(images, found, strict=True) if isinstance(what, str)]
    return [None if isinstance(region, str) else region for region in found], unreadable


def save_regions(file: Path, regions: Sequence[Region]) -> None:
    """Write them where `load_regions` finds them, or nothing."""
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        for region in regions:
            box = region.box
            np.save(stream, region.pixels)
            np.save(stream, np.asarray([box.left, box.top, box.width, box.height, box.score]))
    part.replace(file)


def load_regions(file: Path) -> list[Region]:
    """What `save_regions` wrote."""
    regions = []
    with file.open("rb") as stream:
        while stream.peek(1):
            pixels, box = np.load(stream), np.load(stream)
            regions.append(Region(pixels, FaceBox(*box.tolist())))
    return regions


def _find(path: Path, detector: FaceDetector) -> Region | str | None:
    """The region, None without a face, or what keeps the image from being read."""
    try:
        image = without_padding(decode_image(path.read_bytes(), _LIMITS))
    except (OSError, InvalidImage) as error:
        return str(error.strerror if isinstance(error, OSError) else error)
    faces = detector.detect(image)
    return region_of(image, faces[0]) if faces else None


def region_of(image: RgbImage, box: FaceBox) -> Region:
    """Cut the surroundings of a face out, and shrink them where they are finer than needed."""
    size = max(box.width, box.height)
    height, width = image.shape[:2]
    left, right = _span(box.left + box.width / 2, _WIDEST_SCALE * size, width)
    top, bottom = _span(box.top + box.height / 2, _WIDEST_SCALE * size, height)
    pixels = image[top:bottom, left:right]
    factor = min(1.0, 2 * CROP_SIDE_PIXELS / (_FINEST_SCALE * size))
    moved = FaceBox(box.left - left, box.top - top, box.width, box.height, box.score)
    if factor < 1.0:
        shape = (max(1, round(pixels.shape[1] * factor)), max(1, round(pixels.shape[0] * factor)))
        pixels = np.asarray(cv2.resize(pixels, shape, interpolation=cv2.INTER_AREA), np.uint8)
    return Region(np.ascontiguousarray(pixels), moved.enlarged(factor))


def without_padding(image: RgbImage) -> RgbImage:
    """The image without black rows and columns at its borders, which tell a source apart and not an attack."""
    bright = image.max(axis=2) > _BLACK
    rows, columns = (np.flatnonzero(bright.mean(axis=axis) > 0.02) for axis in (1, 0))
    if rows.size < 32 or columns.size < 32:
        return image
    return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _span(centre: float, side: float, length: int) -> tuple[int, int]:
    whole = min(length, round(side))
    first = min(max(round(centre - side / 2), 0), length - whole)
    return first, first + whole
