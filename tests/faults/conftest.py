"""Pictures and services for tests that harm what a service stands on."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from frontend.images import RgbImage
from tests.conftest import jpeg_of
from tests.faults.fake_triton import FakeTriton, fake_triton


@pytest.fixture(scope="session")
def small_jpeg(portrait: RgbImage) -> bytes:
    """A portrait of 320×240, which costs little to judge."""
    return jpeg_of(np.asarray(cv2.resize(portrait, (320, 240), interpolation=cv2.INTER_AREA), np.uint8))


@pytest.fixture
def live_triton() -> Iterator[FakeTriton]:
    with fake_triton() as server:
        yield server


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "service.log"
