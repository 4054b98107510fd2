import base64
import time

import pytest

from frontend.data_uri import image_bytes
from frontend.errors import ImageMissing, InvalidImage

DATA = bytes(range(256))
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "given",
    [
        TEXT,
        f"data:image/jpeg;base64,{TEXT}",
        f"data:image/png;base64,{TEXT}",
        f"DATA:application/pdf;charset=x;BASE64,{TEXT}",
        f"data:;base64,{TEXT}",
        f"\n data:image/jpeg; base64 , {TEXT}",
        "\r\n".join(TEXT[i : i + 76] for i in range(0, len(TEXT), 76)),
        f"  {TEXT}\n",
        f"data:image/jpeg;base64,\n {TEXT[:40]} \t{TEXT[40:]}",
    ],
)
def test_standard_base64_is_taken_with_and_without_prefix_and_with_line_breaks(given: str) -> None:
    assert image_bytes(given) == DATA


@pytest.mark.parametrize("given", ["", "data:image/jpeg;base64,", "  \n", None, 7, 1.5, True, [TEXT], {"a": TEXT}])
def test_nothing_and_anything_but_text_is_a_missing_image(given: object) -> None:
    with pytest.raises(ImageMissing):
        image_bytes(given)


@pytest.mark.parametrize(
    "given",
    [
        base64.urlsafe_b64encode(DATA).decode(),
        TEXT.rstrip("="),
        TEXT[:-5] + "====",
        TEXT + "!",
        TEXT[:8] + "\u2028" + TEXT[8:],
        "data:image/jpeg," + TEXT,
        "data:image/jpeg;base64" + TEXT,
        "https://example.com/selfie.jpg",
        "\ud800",
        "\x00",
        "äöü",
    ],
)
def test_what_is_no_standard_base64_is_an_invalid_image(given: str) -> None:
    with pytest.raises(InvalidImage):
        image_bytes(given)


def test_a_long_text_with_one_letter_that_no_base64_has_is_refused_at_once() -> None:
    began_s = time.thread_time()
    with pytest.raises(InvalidImage):
        image_bytes("A" * 24_000_000 + "é")
    assert time.thread_time() - began_s < 0.2
