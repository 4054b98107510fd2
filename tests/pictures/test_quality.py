"""What is measured of a picture, and from where on it is a reason."""

from dataclasses import replace
from math import cos, radians, sin

import cv2
import numpy as np
import pytest
from skimage import data

from frontend.crops import window_around
from frontend.faces import LANDMARKS, FaceBox, FaceDetector
from frontend.images import RgbImage
from frontend.quality import _HEAD_MM, Examination, FaceQuality, Pose, examine, pose_of
from frontend.reasons import QualityLimits, Reason, reasons_of, refusing_reasons
from frontend.settings import Settings

FIT = FaceQuality(size_pixels=300, border_margin=0.5, sharpness=200, pose=Pose(0, 0, 0))
FACE = FaceBox(100, 100, 300, 300, 0.9)


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector(0.5)


def limits() -> QualityLimits:
    settings = Settings()
    return QualityLimits(**{name: getattr(settings, name) for name in QualityLimits.__dataclass_fields__})


def examined(image: RgbImage, detector: FaceDetector) -> Examination:
    return examine(image, detector.detect(image), 1, image.shape[1], image.shape[0])


def quality_of(image: RgbImage, detector: FaceDetector) -> FaceQuality:
    quality = examined(image, detector).quality
    assert quality is not None
    return quality


def rotation(yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Of a head in the axes of the picture, with the documented signs."""
    y, p, r = radians(-yaw), radians(pitch), radians(-roll)
    about_y = np.array([[cos(y), 0, sin(y)], [0, 1, 0], [-sin(y), 0, cos(y)]])
    about_x = np.array([[1, 0, 0], [0, cos(p), -sin(p)], [0, sin(p), cos(p)]])
    about_z = np.array([[cos(r), -sin(r), 0], [sin(r), cos(r), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


@pytest.mark.parametrize("turned", [(0, 0, 0), (30, 0, 0), (0, 20, 0), (0, 0, -25), (-35, 15, 10), (50, -20, 30)])
def test_pose_of_a_head_that_was_turned(turned: tuple[float, float, float]) -> None:
    seen = 1.7 * (_HEAD_MM @ rotation(*turned).T)[:, :2] + (640, 480)
    pose = pose_of(tuple(map(tuple, seen)))
    assert (pose.yaw_degrees, pose.pitch_degrees, pose.roll_degrees) == pytest.approx(turned, abs=1e-6)


def test_whoever_looks_to_their_left_shows_the_nose_to_the_right_of_the_picture() -> None:
    points = (_HEAD_MM @ rotation(25, 0, 0).T)[:, 0]
    nose = LANDMARKS.index("nose_tip")
    assert points[nose] > points[:2].mean() + 10
    assert (_HEAD_MM @ rotation(0, 25, 0).T)[nose, 1] > _HEAD_MM[nose, 1] + 10


def test_signs_of_the_pose_on_a_photograph(portrait: RgbImage, detector: FaceDetector) -> None:
    assert quality_of(portrait, detector).pose.largest_degrees < 15
    rolls = []
    for anticlockwise in (25, -25):  # as the picture shows it: to her right shoulder, then to her left
        turn = cv2.getRotationMatrix2D((560, 330), anticlockwise, 1)
        leaning = np.asarray(cv2.warpAffine(portrait, turn, (1280, 960)), np.uint8)
        rolls.append(quality_of(leaning, detector).pose.roll_degrees)
    assert rolls[0] > 10
    assert rolls[1] < -10
    assert rolls[0] - rolls[1] == pytest.approx(50, abs=12)


def test_landmarks_lie_where_they_are_named(portrait: RgbImage, detector: FaceDetector) -> None:
    face = detector.detect(portrait)[0]
    points = dict(zip(LANDMARKS, face.landmarks, strict=True))
    assert points["right_ear"][0] < points["right_eye"][0] < points["nose_tip"][0] < points["left_eye"][0]
    assert points["left_eye"][0] < points["left_ear"][0]
    assert points["right_eye"][1] < points["nose_tip"][1] < points["mouth_centre"][1]
    doubled = face.enlarged(2)
    assert doubled.landmarks[2] == pytest.approx([2 * part for part in points["nose_tip"]])


def test_a_good_portrait_has_no_reason(portrait: RgbImage, detector: FaceDetector) -> None:
    assert reasons_of(examined(portrait, detector), limits()) == ()


def changed(portrait: RgbImage, how: str) -> RgbImage:
    height, width = portrait.shape[:2]
    match how:
        case "dark":
            return (portrait * 0.2).astype(np.uint8)
        case "bright":
            return (255 - (255 - portrait) * 0.2).astype(np.uint8)
        case "blurred":
            return np.asarray(cv2.GaussianBlur(portrait, (0, 0), 8), np.uint8)
        case "small":
            return np.asarray(cv2.resize(portrait, (width // 6, height // 6), interpolation=cv2.INTER_AREA), np.uint8)
        case "two":
            return np.hstack([portrait[:, 240:880]] * 2)
        case _:
            face = FaceDetector(0.5).detect(portrait)[0]
            window = window_around(face, 1.0, width, height)
            inset = {"cut off": window.side // 8, "at the border": -window.side // 8}[how]
            return np.ascontiguousarray(portrait[:, window.left + inset :])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("dark", Reason.IMAGE_TOO_DARK),
        ("bright", Reason.IMAGE_TOO_BRIGHT),
        ("blurred", Reason.IMAGE_TOO_BLURRY),
        ("small", Reason.FACE_TOO_SMALL),
        ("two", Reason.TOO_MANY_FACES),
        ("cut off", Reason.FACE_CROPPED),
        ("at the border", Reason.FACE_CLOSE_TO_BORDER),
    ],
)
def test_each_fault_of_a_picture_has_its_reason(
    portrait: RgbImage, detector: FaceDetector, how: str, reason: Reason
) -> None:
    assert reason in reasons_of(examined(changed(portrait, how), detector), limits())


def test_a_head_turned_away_has_its_reason() -> None:
    for pose in (Pose(41, 0, 0), Pose(0, -41, 0), Pose(0, 0, 41)):
        examination = Examination(640, 640, (FACE,), 0.5, replace(FIT, pose=pose))
        assert reasons_of(examination, limits()) == (Reason.FACE_ANGLE_TOO_LARGE,)


def test_no_face_is_told_with_the_light(detector: FaceDetector) -> None:
    assert reasons_of(examined(data.coffee(), detector), limits()) == (Reason.FACE_NOT_FOUND,)
    night = np.zeros((480, 640, 3), np.uint8)
    assert reasons_of(examined(night, detector), limits()) == (Reason.FACE_NOT_FOUND, Reason.IMAGE_TOO_DARK)


def test_list_of_refusing_reasons() -> None:
    assert refusing_reasons("") == {Reason.FACE_NOT_FOUND}
    listed = refusing_reasons(" FACE_TOO_SMALL,IMAGE_TOO_DARK , ")
    assert listed == {Reason.FACE_NOT_FOUND, Reason.FACE_TOO_SMALL, Reason.IMAGE_TOO_DARK}
    with pytest.raises(ValueError, match="no such reason: UGLY"):
        refusing_reasons("FACE_TOO_SMALL,UGLY")
