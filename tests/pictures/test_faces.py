import cv2
import numpy as np
import pytest
from skimage import data

from frontend.errors import StartRefused
from frontend.faces import FaceDetector
from frontend.images import RgbImage


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(0.5)


def test_portrait_has_one_face_where_it_is(detector: FaceDetector, portrait: RgbImage) -> None:
    (face,) = detector.detect(portrait)
    centre = (face.left + face.width / 2, face.top + face.height / 2)
    assert centre == pytest.approx((565, 320), abs=25)
    assert face.width == pytest.approx(234, rel=0.1)
    assert 0.5 <= face.score <= 1.0


def test_face_keeps_its_place_in_a_letterboxed_picture(detector: FaceDetector, portrait: RgbImage) -> None:
    tall = np.zeros((1600, 1280, 3), np.uint8)
    tall[500:1460] = portrait
    (low,) = detector.detect(portrait)
    (shifted,) = detector.detect(tall)
    assert shifted.top - 500 == pytest.approx(low.top, abs=0.15 * low.height)
    assert shifted.left == pytest.approx(low.left, abs=0.15 * low.width)


@pytest.mark.parametrize("size", [(1280, 960), (1281, 961), (2016, 1512), (2562, 1922), (3840, 2880)])
def test_a_large_picture_shrinks_as_if_at_once(
    detector: FaceDetector, portrait: RgbImage, size: tuple[int, int]
) -> None:
    large = np.asarray(cv2.resize(portrait, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    small = np.asarray(cv2.resize(large, (128, 96), interpolation=cv2.INTER_AREA), np.uint8)
    (face,) = detector.detect(large)
    expected = detector.detect(small)[0].enlarged(size[0] / 128)
    one_pixel = size[0] / 1280
    for side in ("left", "top", "width", "height"):
        assert getattr(face, side) == pytest.approx(getattr(expected, side), abs=one_pixel)


def test_faces_come_largest_first(detector: FaceDetector, portrait: RgbImage) -> None:
    face = portrait[60:660, 260:860]
    pair = np.full((600, 1000, 3), 128, np.uint8)
    pair[100:500, :400] = cv2.resize(face, (400, 400), interpolation=cv2.INTER_AREA)
    pair[:, 400:] = face
    large, small = detector.detect(pair)
    assert large.left > 400 > small.left
    assert large.area > 1.5 * small.area


def test_colour_order_is_red_green_blue(detector: FaceDetector, portrait: RgbImage) -> None:
    right, swapped = detector.detect(portrait)[0], detector.detect(portrait[:, :, ::-1])[0]
    assert right.score > swapped.score


@pytest.mark.parametrize("name", ["coffee", "chelsea", "brick"])
def test_pictures_without_a_face_have_none(detector: FaceDetector, name: str) -> None:
    image = getattr(data, name)()
    assert detector.detect(np.atleast_3d(image)[:, :, [0, -1, -1]] if image.ndim == 2 else image) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 4000), (4000, 1), (3, 5)])
def test_odd_shapes_have_no_face(detector: FaceDetector, shape: tuple[int, int]) -> None:
    assert detector.detect(np.full((*shape, 3), 90, np.uint8)) == []


def test_missing_network_refuses_the_start(tmp_path) -> None:
    with pytest.raises(StartRefused, match="face detector"):
        FaceDetector(0.5, tmp_path / "absent.onnx")
