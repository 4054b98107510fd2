"""Large JPEGs are decoded smaller where that changes nothing that the model could see."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from frontend.crops import CROP_SCALE, CROP_SIDE_PIXELS, crop_face, fineness
from frontend.decoding import ImageLimits, decode_image, decode_reduced
from frontend.faces import FaceBox
from frontend.images import RgbImage
from frontend.preparation import Preparer
from frontend.timing import StageClock
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


def test_fineness_is_told_in_pixels_under_each_of_the_crop() -> None:
    side = 3 * CROP_SIDE_PIXELS / CROP_SCALE
    assert fineness(FaceBox(0, 0, side, 10, 1.0)) == pytest.approx(3)


@pytest.mark.parametrize(
    ("height", "enlarged", "divisor"),
    [(2880, 3.0, 4), (2880, 2.5, 2), (1440, 1.5, 2), (1440, 1.25, 1)],
)
def test_a_small_face_is_decoded_as_fine_as_it_needs(
    portrait: RgbImage, height: int, enlarged: float, divisor: int
) -> None:
    """At 720 pixels, where it is looked for first, a face must be 158 wide; the portrait's is 234, of 960."""
    picture = np.full((height, height * 4 // 3, 3), 90, np.uint8)
    shown = cv2.resize(portrait, None, fx=enlarged, fy=enlarged, interpolation=cv2.INTER_CUBIC)
    picture[: shown.shape[0], : shown.shape[1]] = shown
    file, preparer = jpeg_of(picture), Preparer(LIMITS, 0.5)
    (box,) = preparer.examination_of(file, StageClock()).faces
    image, _ = decode_reduced(file, LIMITS, height // divisor)
    crop = preparer.crop_of(file, StageClock())
    assert crop is not None
    assert np.array_equal(crop, crop_face(image, box.enlarged(1 / divisor)))


@pytest.mark.parametrize("divisor", [2, 4])
def test_crops_from_a_part_are_those_of_the_whole(portrait: RgbImage, divisor: int) -> None:
    large = np.asarray(cv2.resize(portrait, (3840, 2880), interpolation=cv2.INTER_CUBIC), np.uint8)
    file = jpeg_of(large)
    reduced, actual = decode_reduced(file, LIMITS, 2880 // divisor)
    box = FaceBox(1353.0, 618.0, 702.0, 702.0, 1.0)
    assert actual == divisor
    from_part = crop_face(reduced, box.enlarged(1 / divisor))
    from_whole = crop_face(decode_image(file, LIMITS), box)
    assert np.abs(from_part.astype(int) - from_whole.astype(int)).mean() < 2.5


def test_a_picture_beyond_the_limit_of_pillow_is_prepared_where_ours_allows_it() -> None:
    preparer = Preparer(ImageLimits(max_pixels=200_000_000, max_side_pixels=14_000), face_threshold=0.5)
    huge = io.BytesIO()
    Image.new("L", (14_000, 13_000), 90).save(huge, "JPEG")
    assert preparer.crop_of(huge.getvalue(), StageClock()) is None


def test_a_small_face_is_as_sharp_as_in_the_whole_picture(portrait: RgbImage) -> None:
    picture = np.full((2880, 3840, 3), 90, np.uint8)
    picture[:1920, :2560] = cv2.resize(portrait, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    preparer = Preparer(LIMITS, 0.5)
    by_jpeg, by_png = (
        preparer.examination_of(file, StageClock()).quality for file in (jpeg_of(picture, quality=95), png_of(picture))
    )
    assert by_jpeg
    assert by_png
    assert by_jpeg.sharpness == pytest.approx(by_png.sharpness, rel=0.15)
