"""The bytes of a picture file → the crop of the largest face in it: decode → detect → crop (→ examine)."""

from math import ceil

from PIL import Image

from frontend.crops import ENOUGH_FINENESS, crop_face, fineness
from frontend.decoding import ImageLimits, decode_reduced, upright_size
from frontend.faces import FaceBox, FaceDetector
from frontend.images import RgbImage
from frontend.quality import Examination, examine
from frontend.timing import StageClock

ENOUGH_SIDE_PIXELS = 720
"""A shorter side that a selfie's face fills well enough to be cropped from; larger pictures are decoded smaller."""


class Preparer:
    """The work before the network, for any number of threads at once.

    Raises StartRefused when the face detector cannot be loaded.
    """

    def __init__(self, limits: ImageLimits, face_threshold: float) -> None:
        Image.MAX_IMAGE_PIXELS = None  # `limits` are checked first, and may allow more than Pillow's own
        self._limits = limits
        self._detector = FaceDetector(face_threshold)

    def crop_of(self, data: bytes, clock: StageClock) -> RgbImage | None:
        """The crop of the largest face in a PNG or JPEG file, None where there is no face; raises InvalidImage."""
        image, _, faces = self._detected(data, clock)
        return _cropped(image, faces, clock)

    def examined_crop_of(self, data: bytes, clock: StageClock) -> tuple[RgbImage | None, Examination]:
        """As `crop_of`, and beside them what was measured; raises InvalidImage."""
        image, divisor, faces = self._detected(data, clock)
        examination = examine(image, faces, divisor, *upright_size(data, image, divisor))
        clock.lap("examine")
        return _cropped(image, faces, clock), examination

    def examination_of(self, data: bytes, clock: StageClock) -> Examination:
        """What is measured of a PNG or JPEG file, without any crop; raises InvalidImage."""
        image, divisor, faces = self._detected(data, clock)
        return examine(image, faces, divisor, *upright_size(data, image, divisor))

    def _detected(self, data: bytes, clock: StageClock) -> tuple[RgbImage, int, list[FaceBox]]:
        """The picture, as fine as the largest face in it needs, at which share of its size it is, and the faces."""
        image, divisor = decode_reduced(data, self._limits, ENOUGH_SIDE_PIXELS)
        clock.lap("decode")
        faces = self._detector.detect(image)
        clock.lap("detect")
        if faces and divisor > 1 and fineness(faces[0]) < ENOUGH_FINENESS:
            enough_side_pixels = ceil(min(image.shape[:2]) * ENOUGH_FINENESS / fineness(faces[0]))
            image, finer_divisor = decode_reduced(data, self._limits, enough_side_pixels)
            faces = [face.enlarged(divisor / finer_divisor) for face in faces]
            divisor = finer_divisor
            clock.lap("decode")
        return image, divisor, faces


def _cropped(image: RgbImage, faces: list[FaceBox], clock: StageClock) -> RgbImage | None:
    if not faces:
        return None
    crop = crop_face(image, faces[0])
    clock.lap("crop")
    return crop
