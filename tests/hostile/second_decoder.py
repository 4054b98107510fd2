"""Pillow's view of a picture, against which what the service decodes is held."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from frontend.images import RgbImage

CMYK_TOLERANCE = 2  # both round twice on the way to RGB, Pillow in another order


def pillow_pixels(file: bytes) -> tuple[RgbImage, int] | None:
    """The upright picture as 8-bit RGB and by how many levels another may differ; None where Pillow refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(file), formats=("JPEG", "PNG")) as image:
                image.load()
                upright = image if (turned := _turned(image)) is None else turned
                if upright.mode.startswith("I"):
                    high = (np.asarray(upright).astype(np.uint32) >> 8).astype(np.uint8)
                    return np.repeat(high[:, :, None], 3, axis=2), 0
                return np.asarray(upright.convert("RGB")), CMYK_TOLERANCE if image.mode == "CMYK" else 0
        except Exception:  # noqa: BLE001  whatever it is, Pillow will not have this picture
            return None


def _turned(image: Image.Image) -> Image.Image | None:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001  broken Exif says nothing of the orientation
        return None
