"""Views: augmented pictures of faces with what every teacher says of that very picture ("consistent teaching").

Beyer et al., "Knowledge distillation: A good teacher is patient and consistent" (2022): teacher and student must see
the same view. The views are made once, on all cores, and read in every epoch.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from frontend.crops import cut, window_around
from frontend.faces import FaceBox
from frontend.images import RgbImage
from training.augment import DEGRADATIONS, Random, heavy
from training.implant import implant
from training.recapture import recapture
from training.regions import Region
from training.teachers import Teachers

SIDE_PIXELS = 224
_UNIT_SCALE = 1.45 / 0.823
VIEW_SCALE = 2.4 / 0.823
"""The widest window that can be cut from a view, in sides of BlazeFace's box."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which view of which image: `kind` is "clean", "heavy", "recapture", "implant" or one of `DEGRADATIONS`.

    `mate` mixes in; in an implant it is the surround into which the image's face is set.
    """

    image: int
    kind: str
    seed: int
    mate: int = -1


def training_requests(
    places: Sequence[int], is_live: Sequence[bool], sources: Sequence[str], rounds: int, seed: int
) -> list[Request]:
    """`rounds` views of each of these images: half of them heavy, the others mixed, unchanged, or recaptured.

    Only live pictures are recaptured, and become attacks. Of every third image of a round there is an implant besides,
    into a live surround: half of the time one of the same source.
    """
    random = np.random.default_rng(seed)
    requests = []
    for number in range(rounds):
        for i in places:
            chance = random.random()
            mate = int(random.choice(places)) if 0.3 <= chance < 0.45 else -1
            kind = "recapture" if chance < 0.15 and is_live[i] else "clean" if chance < 0.3 else "heavy"
            requests.append(Request(i, kind, 100 * seed + number, mate))
    live = [i for i in places if is_live[i]]
    for number in range(rounds):
        for i in places:
            if random.random() < 1 / 3:
                others = [j for j in live if j != i] or live
                near = [j for j in others if sources[j] == sources[i]]
                mate = int(random.choice(near if near and random.random() < 0.5 else others))
                requests.append(Request(i, "implant", 100 * seed + rounds + number, mate))
    return requests


@dataclass(frozen=True, slots=True)
class Views:
    """`pixels` [n, 224, 224, 3] uint8 RGB, `boxes` [n, 4] (left, top, width, height in them), `logits` [n, teachers].

    `image`, `mate` and `weight` [n] say which images are shown, and the share of the first; of an implant, which is the
    face's, the surround's, and 1.
    """

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    logits: NDArray[np.float32]
    image: NDArray[np.int32]
    mate: NDArray[np.int32]
    weight: NDArray[np.float32]
    kind: NDArray[np.str_]

    def box(self, i: int) -> FaceBox:
        """The face in view `i`, in its pixels."""
        left, top, width, height = self.boxes[i].tolist()
        return FaceBox(left, top, width, height, 1.0)

    def only(self, kept: NDArray[np.bool_]) -> "Views":
        """Those that are kept, [n]."""
        return Views(**{name: getattr(self, name)[kept] for name in self.__dataclass_fields__})

    def without(self, kinds: Collection[str]) -> "Views":
        """Those of other kinds."""
        return self.only(~np.isin(self.kind, list(kinds)))

    def window(self, i: int, scale: float) -> RgbImage:
        """The [128, 128, 3] crop of `scale` times the box in view `i`."""
        return cut(self.pixels[i], window_around(self.box(i), scale, SIDE_PIXELS, SIDE_PIXELS))


def make_views(regions: Sequence[Region], requests: Sequence[Request], teachers: Teachers, threads: int) -> Views:
    """All of them, in order; which thread makes a view does not change it."""
    cv2.setNumThreads(1)
    count = len(requests)
    views = Views(
        pixels=np.empty((count, SIDE_PIXELS, SIDE_PIXELS, 3), np.uint8),
        boxes=np.empty((count, 4), np.float32),
        logits=np.empty((count, len(teachers.names)), np.float32),
        image=np.asarray([request.image for request in requests], np.int32),
        mate=np.asarray([request.mate for request in requests], np.int32),
        weight=np.ones(count, np.float32),
        kind=np.asarray([request.kind for request in requests]),
    )

    def make(i: int) -> None:
        request = requests[i]
        random = np.random.default_rng([request.seed, request.image])
        region, kind = regions[request.image], request.kind
        if kind == "implant":
            region, kind = implant(region, regions[request.mate], random), "heavy"
        image, box = changed(region, kind, random)
        if request.mate >= 0 and request.kind != "implant":
            share = float(random.beta(0.4, 0.4))
            views.weight[i] = max(share, 1 - share)
            other = changed(regions[request.mate], request.kind, random)
            image = _mixed(image, box, *other, float(views.weight[i]))
        views.pixels[i], views.boxes[i] = _view(image, box)
        views.logits[i] = teachers.logits(image, box)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(make, range(count)):
            pass
    return views


def save_views(file: Path, views: Views) -> None:
    """Write them, or nothing."""
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.savez(stream, **{name: getattr(views, name) for name in Views.__dataclass_fields__})
    part.replace(file)


def load_views(file: Path) -> Views:
    """What `save_views` wrote."""
    with np.load(file) as arrays:
        return Views(**arrays)


def changed(region: Region, kind: str, random: Random) -> tuple[RgbImage, FaceBox]:
    """The picture of a region after a change of this kind, and the face in it."""
    image, box = region.pixels, region.box
    unit = _UNIT_SCALE * max(box.width, box.height)
    if kind == "clean":
        return image, box
    if kind in DEGRADATIONS:
        return DEGRADATIONS[kind](image, random, unit), box
    if kind == "recapture":
        image = recapture(image, random, unit)
    if random.random() < 0.5:
        box = replace(box, left=image.shape[1] - box.left - box.width)
        image = np.ascontiguousarray(image[:, ::-1])
    return heavy(image, random, unit), box


def _mixed(image: RgbImage, box: FaceBox, other: RgbImage, other_box: FaceBox, weight: float) -> RgbImage:
    """Both pictures over each other, face on face (Zhang et al., "mixup", 2018)."""
    factor = max(box.width, box.height) / max(other_box.width, other_box.height)
    x = box.left + box.width / 2 - factor * (other_box.left + other_box.width / 2)
    y = box.top + box.height / 2 - factor * (other_box.top + other_box.height / 2)
    matrix = np.asarray([[factor, 0, x], [0, factor, y]], np.float32)
    height, width = image.shape[:2]
    laid = cv2.warpAffine(other, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.addWeighted(image, weight, laid, 1 - weight, 0), np.uint8)


def _view(image: RgbImage, box: FaceBox) -> tuple[RgbImage, tuple[float, float, float, float]]:
    height, width = image.shape[:2]
    window = window_around(box, VIEW_SCALE, width, height)
    part = image[window.top : window.top + window.side, window.left : window.left + window.side]
    factor = SIDE_PIXELS / window.side
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    pixels = np.asarray(cv2.resize(part, (SIDE_PIXELS, SIDE_PIXELS), interpolation=interpolation), np.uint8)
    shown = (
        (box.left - window.left) * factor,
        (box.top - window.top) * factor,
        box.width * factor,
        box.height * factor,
    )
    return pixels, shown
