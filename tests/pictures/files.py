"""Pictures as files of any kind, and the limits that they are decoded within."""

import io

from PIL import Image

from frontend.decoding import ImageLimits

LIMITS = ImageLimits(max_pixels=2_000_000, max_side_pixels=4_000)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)  # type: ignore[arg-type]
    return file.getvalue()
