"""Large JPEGs are decoded smaller where that changes nothing that the model could see."""

import cv2
import numpy as np
import pytest
from PIL import Image

from frontend.crops import CROP_SCALE, CROP_SIDE_PIXELS, crop_face, is_fine_enough
from frontend.decoding import ImageLimits, decode_image, decode_reduced
from frontend.faces import FaceBox
from frontend.images import RgbImage
from tests.conftest import jpeg_of, png_of

LIMITS = ImageLimits(max_pixels=20_000_000, max_side_pixels=12_000)


@pytest.mark.parametrize(
    ("size", "enough", "divisor"),
    [
        ((960, 1280), 481, 1),
        ((960, 1280), 480, 2),
        ((959, 1280), 480, 1),
        ((961, 1283), 480, 2),
        ((960, 1280), 240, 4),
        ((965, 1279), 120, 8),
        ((960, 1280), 10, 8),
    ],
)
def test_the_shorter_side_decides_how_small(
    portrait: RgbImage, size: tuple[int, int], enough: int, divisor: int
) -> None:
    picture = np.asarray(cv2.resize(portrait, size[::-1]), np.uint8)
    image, actual = decode_reduced(jpeg_of(picture), LIMITS, enough)
    assert actual == divisor
    assert image.shape == (-(-size[0] // divisor), -(-size[1] // divisor), 3)
    same = cv2.resize(picture, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(image.astype(int) - same).mean() < 3


def test_png_and_the_plain_decoder_reduce_nothing(portrait: RgbImage) -> None:
    image, divisor = decode_reduced(png_of(portrait), LIMITS, 10)
    assert divisor == 1
    assert image.shape == decode_image(jpeg_of(portrait), LIMITS).shape == portrait.shape


def test_orientation_is_applied_to_the_reduced_picture_too(portrait: RgbImage) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image, _ = decode_reduced(jpeg_of(portrait, exif=exif), LIMITS, 480)
    assert image.shape == (640, 480, 3)


def test_fine_enough_is_three_pixels_under_each_of_the_crop() -> None:
    least = 3 * CROP_SIDE_PIXELS / CROP_SCALE
    assert is_fine_enough(FaceBox(0, 0, least + 0.01, 10, 1.0))
    assert not is_fine_enough(FaceBox(0, 0, least - 0.01, 10, 1.0))


def test_crops_from_a_half_are_those_of_the_whole(portrait: RgbImage) -> None:
    large = np.asarray(cv2.resize(portrait, (3840, 2880), interpolation=cv2.INTER_CUBIC), np.uint8)
    file = jpeg_of(large)
    half, divisor = decode_reduced(file, LIMITS, 1080)
    box = FaceBox(676.5, 309.0, 351.0, 351.0, 1.0)
    assert divisor == 2
    from_half = crop_face(half, box)
    from_whole = crop_face(decode_image(file, LIMITS), box.enlarged(divisor))
    assert np.abs(from_half.astype(int) - from_whole.astype(int)).mean() < 2.5
