"""`selfie_image` as it arrives in JSON or in a form → the bytes of the image file."""

import re

import pybase64

from frontend.errors import ImageMissing, InvalidImage

_PREFIX = re.compile(r"\s*data:[^,]*;\s*base64\s*,", re.IGNORECASE)
_WHITE_SPACE = str.maketrans("", "", " \t\r\n")


def image_bytes(selfie_image: object) -> bytes:
    """Decode base64 with or without a `data:…;base64,` prefix; bytes, which only a form has, are the file itself.

    The alphabet is the standard one with padding (RFC 4648, section 4); white space, as MIME encoders insert it, is
    passed over. The URL-safe alphabet is refused: no data URI uses it. What the prefix says of the type is ignored.

    Raises ImageMissing when there is neither or nothing in it, InvalidImage when it is no base64.
    """
    data = selfie_image if isinstance(selfie_image, bytes) else _decode_text(selfie_image)
    if not data:
        raise ImageMissing("selfie_image is empty")
    return data


def _decode_text(selfie_image: object) -> bytes:
    if not isinstance(selfie_image, str):
        raise ImageMissing("selfie_image is absent or no string")
    prefix = _PREFIX.match(selfie_image, 0, 256)
    text = selfie_image[prefix.end() :] if prefix else selfie_image
    if not text.isascii():  # of which `translate` would take seconds
        raise InvalidImage("not base64")
    try:
        return _decode(text)
    except ValueError:
        raise InvalidImage("not base64") from None


def _decode(text: str) -> bytes:
    try:
        return pybase64.b64decode(text, validate=True)
    except ValueError:
        return pybase64.b64decode(text.translate(_WHITE_SPACE), validate=True)
