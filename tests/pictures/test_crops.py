"""The geometry that the model was trained on."""

import cv2
import numpy as np
import pytest

from frontend.crops import CROP_SCALE, Window, crop_face, cut, window_around
from frontend.faces import FaceBox
from frontend.images import RgbImage


def box(left: float, top: float, width: float, height: float) -> FaceBox:
    return FaceBox(left, top, width, height, score=1.0)


def test_scale_is_that_of_the_model_card() -> None:
    assert pytest.approx(2.0 / 0.823) == CROP_SCALE


def test_window_is_a_square_of_the_larger_side_around_the_centre() -> None:
    assert window_around(box(400, 300, 100, 80), 2.0, 1280, 960) == Window(left=350, top=240, side=200)
    assert window_around(box(400, 300, 80, 100), 2.0, 1280, 960) == Window(left=340, top=250, side=200)


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        (box(0, 0, 100, 100), Window(0, 0, 200)),
        (box(-40, -40, 100, 100), Window(0, 0, 200)),
        (box(1180, 860, 100, 100), Window(1080, 760, 200)),
        (box(590, 900, 100, 100), Window(540, 760, 200)),
    ],
)
def test_window_is_shifted_not_clipped_at_a_border(face: FaceBox, expected: Window) -> None:
    assert window_around(face, 2.0, 1280, 960) == expected


def test_window_is_never_larger_than_the_shorter_side() -> None:
    assert window_around(box(400, 300, 500, 500), 3.0, 1280, 960) == Window(left=170, top=0, side=960)
    assert window_around(box(0, 0, 1, 1), 3.0, 1, 1) == Window(0, 0, 1)


def test_shrinking_averages_areas_and_growing_interpolates() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    assert set(np.unique(cut(stripes, Window(0, 0, 256)))) == {128}
    small = np.asarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3)), np.uint8)
    linear = cv2.resize(small, (128, 128), interpolation=cv2.INTER_LINEAR)
    assert np.array_equal(cut(small, Window(0, 0, 64)), linear)


def test_crop_keeps_the_colour_order_and_holds_the_face() -> None:
    image: RgbImage = np.zeros((600, 800, 3), np.uint8)
    image[..., 0] = 200  # red
    image[250:350, 350:450] = (10, 20, 30)
    crop = crop_face(image, box(350, 250, 100, 100))
    assert crop.shape == (128, 128, 3)
    assert crop.dtype == np.uint8
    assert crop[64, 64].tolist() == [10, 20, 30]
    assert crop[2, 2].tolist() == [200, 0, 0]
    face_share = float((crop[..., 0] < 100).mean())
    assert face_share == pytest.approx((0.823 / 2.0) ** 2, abs=0.02)
