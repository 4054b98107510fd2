"""The types that pictures travel in."""

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]
"""A picture: [height, width, 3] uint8, channels in the order red, green, blue."""
