"""POST /liveness?details=true, and the reasons that an operator lets refuse."""

import json
from collections.abc import Iterator

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image
from skimage import data

from frontend.images import RgbImage
from tests.conftest import MakeKey, Stack, data_uri, jpeg_of, png_of, running


def post(client: httpx.Client, hash_id: str, picture: bytes, details: str | None = "true") -> httpx.Response:
    query = {} if details is None else {"details": details}
    return client.post("/liveness", params=query, json={"hash_id": hash_id, "selfie_image": data_uri(picture)})


def test_details_are_added_and_nothing_else_changes(client: httpx.Client, hash_id: str, portrait_jpeg: bytes) -> None:
    plain = post(client, hash_id, portrait_jpeg, None)
    answer = post(client, hash_id, portrait_jpeg)
    assert answer.status_code == plain.status_code == 201
    body = answer.json()
    details = body.pop("details")
    assert json.dumps(body) == plain.text == post(client, hash_id, portrait_jpeg, "false").text
    assert details["image"] == {"width": 1280, "height": 960}
    assert details["number_of_faces"] == 1
    assert details["reasons"] == []
    face, quality = details["face"], details["quality"]
    left, top = face["landmarks"]["nose_tip"]
    assert face["left"] < left < face["left"] + face["width"]
    assert face["top"] < top < face["top"] + face["height"]
    assert quality["face_size_pixels"] == max(face["width"], face["height"])
    assert 0.3 < quality["brightness"] < 0.8


def test_details_of_a_picture_without_a_face(client: httpx.Client, hash_id: str) -> None:
    body = post(client, hash_id, png_of(data.coffee())).json()
    assert body["message"] == "No face was found in the selfie image."
    assert body["details"]["face"] is None
    assert body["details"]["number_of_faces"] == 0
    assert body["details"]["reasons"] == ["FACE_NOT_FOUND"]


def test_coordinates_are_those_of_the_upright_picture_as_posted(
    client: httpx.Client, hash_id: str, portrait: RgbImage
) -> None:
    """A photograph three times as large, decoded at a reduced size and turned by its EXIF data, has the same face."""
    small = post(client, hash_id, jpeg_of(portrait)).json()["details"]
    large = np.asarray(cv2.resize(portrait, (3841, 2881), interpolation=cv2.INTER_CUBIC), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = jpeg_of(np.ascontiguousarray(np.rot90(large)), exif=exif)
    found = post(client, hash_id, turned).json()["details"]
    assert found["image"] == {"width": 3841, "height": 2881}
    assert found["face"]["left"] == pytest.approx(3 * small["face"]["left"], abs=40)
    assert found["face"]["top"] == pytest.approx(3 * small["face"]["top"], abs=40)
    assert found["quality"]["face_size_pixels"] == pytest.approx(3 * small["quality"]["face_size_pixels"], rel=0.06)
    assert found["face"]["landmarks"]["mouth_centre"] == pytest.approx(
        [3 * part for part in small["face"]["landmarks"]["mouth_centre"]], abs=40
    )


@pytest.mark.parametrize("value", ["", "1", "yes", "True", "true,false"])
def test_a_bad_value_of_details(client: httpx.Client, make_key: MakeKey, portrait_jpeg: bytes, value: str) -> None:
    answer = post(client, make_key(), portrait_jpeg, value)
    assert answer.status_code == 400
    assert answer.content == b'{"error": "The parameter details must be true or false."}'


def test_openapi_shows_parameter_and_details(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    operation = document["paths"]["/liveness"]["post"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["details"]
    assert "IMAGE_TOO_BLURRY" in document["components"]["schemas"]["Reason"]["enum"]
    example = operation["responses"]["201"]["content"]["application/json"]["examples"]["details=true"]["value"]
    assert set(example["details"]) == set(document["components"]["schemas"]["DetailsBody"]["properties"])


@pytest.fixture(scope="module")
def strict(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A frontend on the stack's Triton and keys that refuses small and dark pictures."""
    triton = (stack.data_dir / "stderr.log").read_text().split("Triton answers at ")[1].split(",")[0]
    reasons = "FACE_TOO_SMALL,IMAGE_TOO_DARK"
    log = tmp_path_factory.mktemp("strict") / "log"
    with (
        running(
            "serve",
            "listening",
            log,
            port=0,
            data_dir=log.parent,
            triton_url=triton,
            keys_url=stack.keys_url,
            refuse_reasons=reasons,
        ) as (_, ready),
        httpx.Client(base_url=ready.split("listening on ")[1].strip(), timeout=20) as client,
    ):
        yield client


def test_reasons_that_refuse_leave_the_score_as_judged(
    client: httpx.Client, strict: httpx.Client, hash_id: str, portrait: RgbImage
) -> None:
    small = jpeg_of(np.asarray(cv2.resize(portrait, (213, 160), interpolation=cv2.INTER_AREA), np.uint8), quality=95)
    judged, refused = (post(each, hash_id, small, None).json() for each in (client, strict))
    assert judged["message"] == "Success"
    assert refused["message"] == "The face is too small in the selfie image."
    assert refused["liveness_result"] == {**judged["liveness_result"], "is_live": 0}
    assert "details" not in refused
    assert post(strict, hash_id, small).json()["details"]["reasons"] == ["FACE_TOO_SMALL"]


def test_reasons_that_do_not_refuse_and_fit_pictures_pass(
    client: httpx.Client, strict: httpx.Client, hash_id: str, portrait_jpeg: bytes
) -> None:
    assert post(strict, hash_id, portrait_jpeg, None).text == post(client, hash_id, portrait_jpeg, None).text


def test_page_and_guidance_are_off_where_nobody_asked_for_them(client: httpx.Client, strict: httpx.Client) -> None:
    assert client.get("/").status_code == 200  # `liveness up`
    assert strict.get("/").status_code == strict.get("/web/page.js").status_code == 404  # `liveness serve`
    assert strict.post("/guidance", json={}).status_code == 404
