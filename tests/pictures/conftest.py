"""A picture of a face, for each kind of file to hold."""

import numpy as np
import pytest
from skimage import data

from frontend.images import RgbImage


@pytest.fixture(scope="package")
def picture() -> RgbImage:
    return np.ascontiguousarray(data.astronaut()[:300, 60:460])
