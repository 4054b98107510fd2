"""The networks that teach: each looks at the same view as the student, through the window that it was made for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from frontend.crops import CROP_SIDE_PIXELS, cut, window_around
from frontend.faces import FaceBox
from frontend.images import RgbImage
from frontend.onnx_session import ORT_ERRORS, one_thread_session
from training.errors import TrainingRefused

_BLAZEFACE_TO_YUNET = 0.823
TWO_CROP_SCALES = {"context": 2.7 / _BLAZEFACE_TO_YUNET, "face": 1.45 / _BLAZEFACE_TO_YUNET}
"""The windows of the model that the service had before it had one for a single crop."""
Inputs = Mapping[str, tuple[int, ...]]
"""By name: the shape of one picture."""
ONE_CROP: Inputs = {"face": (CROP_SIDE_PIXELS, CROP_SIDE_PIXELS, 3)}
TWO_CROPS: Inputs = dict.fromkeys(TWO_CROP_SCALES, ONE_CROP["face"])
_FAR = 12.0  # logits are cut off here: a teacher that is certain says no more than one that is nearly so


@dataclass(frozen=True, slots=True)
class FaceNetwork:
    """A public network of the MiniFASNet family: its file, its window, and the input that it was trained with."""

    file: str
    side_pixels: int
    scale: float
    is_square: bool
    is_bgr: bool
    divisor: float
    live_class: int

    @property
    def inputs(self) -> Inputs:
        """What the file takes."""
        return {"input": (3, self.side_pixels, self.side_pixels)}


PUBLIC_TEACHERS = (
    FaceNetwork("minifasnet_v2_80_scale2.7.onnx", 80, 2.7, False, True, 1.0, 1),
    FaceNetwork("minifasnet_v1se_80_scale4.0.onnx", 80, 4.0, False, True, 1.0, 1),
    FaceNetwork("minifas_v2se_128.onnx", 128, 1.5, True, False, 255.0, 0),
)


class Teachers:
    """The two-crop model and the public networks, one thread each call; `names` are in the order of the logits.

    Raises TrainingRefused when one of them is not there or has other inputs.
    """

    def __init__(self, two_crop_model: Path, folder: Path) -> None:
        missing = [network.file for network in PUBLIC_TEACHERS if not (folder / network.file).is_file()]
        if missing:
            raise TrainingRefused(f"not in {folder}: {', '.join(missing)}; training/README.md says what they are")
        self._two_crop = session(two_crop_model, TWO_CROPS)
        self._others = [(network, session(folder / network.file, network.inputs)) for network in PUBLIC_TEACHERS]
        self.names = ["two_crop", *(network.file.removesuffix(".onnx") for network in PUBLIC_TEACHERS)]

    def logits(self, image: RgbImage, box: FaceBox) -> list[float]:
        """Each teacher's logit of P(live) for one face."""
        (live,) = self._two_crop.run(None, two_crops(image, box))
        return [logit_of(float(live[0, 0])), *self.public_logits(image, box)]

    def public_logits(self, image: RgbImage, box: FaceBox) -> list[float]:
        """Those of the public networks alone."""
        return [self._of(network, run, image, box) for network, run in self._others]

    def _of(self, network: FaceNetwork, run: onnxruntime.InferenceSession, image: RgbImage, box: FaceBox) -> float:
        x = window_of(image, box, network).astype(np.float32) / network.divisor
        if network.is_bgr:
            x = x[..., ::-1]
        (out,) = run.run(None, {run.get_inputs()[0].name: np.ascontiguousarray(x.transpose(2, 0, 1)[None])})
        return float(np.clip(_against_rest(out[0], network.live_class), -_FAR, _FAR))


def two_crops(image: RgbImage, box: FaceBox) -> dict[str, RgbImage]:
    """What the two-crop model is given, [1, 128, 128, 3] each."""
    height, width = image.shape[:2]
    return {name: cut(image, window_around(box, scale, width, height))[None] for name, scale in TWO_CROP_SCALES.items()}


def session(file: Path, *wanted: Inputs) -> onnxruntime.InferenceSession:
    """A model on one thread of the CPU; TrainingRefused when it does not load, or has none of the inputs wanted."""
    try:
        loaded = one_thread_session(file)
    except ORT_ERRORS as error:
        raise TrainingRefused(f"{file} is no model that ONNX Runtime loads: {str(error).splitlines()[0]}") from None
    found = {x.name: tuple(x.shape[1:]) for x in loaded.get_inputs()}
    if found not in wanted:
        needed = " or ".join(_listed(inputs) for inputs in wanted)
        raise TrainingRefused(f"{file} has the inputs {_listed(found)}; needed are {needed}")
    return loaded


def _listed(inputs: Inputs) -> str:
    return ", ".join(f"{name} [n, {', '.join(map(str, sides))}]" for name, sides in sorted(inputs.items())) or "none"


def logit_of(probability: float) -> float:
    """The logit, cut off where float32 no longer tells probabilities apart."""
    p = min(max(probability, 1e-7), 1 - 1e-7)
    return float(np.clip(np.log(p / (1 - p)), -_FAR, _FAR))


def window_of(image: RgbImage, box: FaceBox, network: FaceNetwork) -> RgbImage:
    """The window resized to the network's side: sides each scaled, or a square, within the picture by being shifted."""
    height, width = image.shape[:2]
    wide, tall = box.width / _BLAZEFACE_TO_YUNET, box.height / _BLAZEFACE_TO_YUNET
    if network.is_square:
        wide = tall = max(wide, tall)
    scale = min(network.scale, (width - 1) / wide, (height - 1) / tall)
    sides = max(1, round(wide * scale)), max(1, round(tall * scale))
    left, top = (
        min(max(round(centre - side / 2), 0), length - side)
        for centre, side, length in zip(
            (box.left + box.width / 2, box.top + box.height / 2), sides, (width, height), strict=True
        )
    )
    part = image[top : top + sides[1], left : left + sides[0]]
    shape = (network.side_pixels, network.side_pixels)
    return np.asarray(cv2.resize(part, shape, interpolation=cv2.INTER_LINEAR), np.uint8)


def _against_rest(logits: NDArray[np.float32], live_class: int) -> float:
    """The logit of one class of a softmax."""
    rest: Sequence[float] = [float(x) for i, x in enumerate(logits) if i != live_class]
    return float(logits[live_class]) - float(np.logaddexp.reduce(rest))
