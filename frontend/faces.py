"""A picture → the faces in it, by MediaPipe's short-range BlazeFace.

The network is the one of Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs" (2019);
`networks/README.md` says where the file comes from.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from frontend.errors import StartRefused
from frontend.images import RgbImage
from frontend.onnx_session import ORT_ERRORS, one_thread_session

_INPUT_SIDE = 128
_ANCHORS_PER_CELL = {16: 2, 8: 6}  # cells along a side → anchors in each cell
_HALVED_FROM, _HALVED_TO = 8, 3  # pixels under each of the input's: so the box moves by less than a pixel
_NMS_IOU = 0.3
_NETWORK = Path(__file__).parent / "networks" / "blazeface_short_range.onnx"

Point = tuple[float, float]
"""x and y in pixels of a picture."""
LANDMARKS = ("right_eye", "left_eye", "nose_tip", "mouth_centre", "right_ear", "left_ear")
"""BlazeFace's landmarks in its order; right and left are the person's own, and an ear is its tragion."""


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A face in a picture: the box in pixels (it may reach over the border) and the detector's score in [0, 1].

    `landmarks` has a point for each of LANDMARKS; they too may lie outside.
    """

    left: float
    top: float
    width: float
    height: float
    score: float
    landmarks: tuple[Point, ...] = ()

    @property
    def area(self) -> float:
        """In square pixels."""
        return self.width * self.height

    def enlarged(self, factor: float) -> "FaceBox":
        """The same face in the picture `factor` times as large."""
        return FaceBox(
            factor * self.left,
            factor * self.top,
            factor * self.width,
            factor * self.height,
            self.score,
            tuple((factor * x, factor * y) for x, y in self.landmarks),
        )


class FaceDetector:
    """The network, for any number of threads at once; StartRefused when it cannot be loaded."""

    def __init__(self, score_threshold: float, network: Path = _NETWORK) -> None:
        try:
            self._session = one_thread_session(network)
        except ORT_ERRORS as error:
            raise StartRefused(f"the face detector cannot be loaded from {network}: {type(error).__name__}") from None
        self._score_threshold = score_threshold
        self._anchors = _anchor_centres()

    def detect(self, image: RgbImage) -> list[FaceBox]:
        """All faces in a [height, width, 3] uint8 RGB picture, largest first; empty when there is none."""
        height, width = image.shape[:2]
        square, scale, pad_left, pad_top = _letterbox(image)
        raws, logits = self._session.run(["boxes", "logits"], {"image": square[np.newaxis]})
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits.reshape(-1), -80.0, 80.0)))
        found = np.flatnonzero(scores >= self._score_threshold)
        if found.size == 0:
            return []
        raw = raws[0, found]
        size = raw[:, 2:4]
        origin = self._anchors[found] * _INPUT_SIDE - (pad_left, pad_top)
        boxes = np.concatenate([(raw[:, :2] + origin - size / 2) / scale, size / scale], axis=1)
        kept = cv2.dnn.NMSBoxes(boxes.tolist(), scores[found].tolist(), self._score_threshold, _NMS_IOU)
        faces = []
        for i in np.asarray(kept).reshape(-1):
            left, top, box_width, box_height = boxes[i].tolist()
            landmarks = tuple(map(tuple, ((raw[i, 4:].reshape(-1, 2) + origin[i]) / scale).tolist()))
            faces.append(FaceBox(left, top, box_width, box_height, float(scores[found[i]]), landmarks))
        visible = [face for face in faces if _centre_is_inside(face, width, height)]
        return sorted(visible, key=lambda face: face.area, reverse=True)


def _anchor_centres() -> NDArray[np.float32]:
    """[896, 2] float32: the x and y of each anchor's centre, as shares of the input's side."""
    grids = []
    for cells, repeat in _ANCHORS_PER_CELL.items():
        axis = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        x, y = np.meshgrid(axis, axis)
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeat, axis=0))
    return np.concatenate(grids)


def _letterbox(image: RgbImage) -> tuple[RgbImage, float, int, int]:
    """The picture scaled into the middle of a black 128×128 square.

    Beside it the scale, and the padding at the left and at the top in pixels of the square.
    """
    height, width = image.shape[:2]
    scale = _INPUT_SIDE / max(height, width)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = np.zeros((_INPUT_SIDE, _INPUT_SIDE, 3), np.uint8)
    left, top = (_INPUT_SIDE - inner[0]) // 2, (_INPUT_SIDE - inner[1]) // 2
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = _halved(image)
    square[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=interpolation)
    return square, scale, left, top


def _halved(image: RgbImage) -> RgbImage:
    """A large picture at a half of its size, or at a half of that and so on.

    OpenCV averages 2×2 pixels five times as fast as any other area, and averaging in two steps differs from averaging
    in one by little more than rounding; not so for an odd side, where a row too many would shift all the others. It
    goes on where the rest is no whole number of pixels under each of the input's, for then OpenCV takes longest.
    """
    height, width = image.shape[:2]
    least_side = _HALVED_FROM * _INPUT_SIDE
    while max(height, width) >= least_side and height % 2 == width % 2 == 0:
        height, width = height // 2, width // 2
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        if max(height, width) % _INPUT_SIDE:
            least_side = _HALVED_TO * _INPUT_SIDE
    return image


def _centre_is_inside(face: FaceBox, width: int, height: int) -> bool:
    return 0 <= face.left + face.width / 2 <= width and 0 <= face.top + face.height / 2 <= height
