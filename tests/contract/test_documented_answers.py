"""Every row of the documented contract, byte for byte, over real HTTP to a real Triton."""

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from skimage import data

from frontend.images import RgbImage
from tests.conftest import MakeKey, Stack, data_uri, jpeg_of, png_of, recaptured_on_a_screen

INVALID_CREDENTIALS = b'{"message": "Invalid credentials"}'
IMAGE_REQUIRED = b'{"error": "Selfie_image is required and must be a JPEG, JPG or PNG."}'
IMAGE_INVALID = b'{"error": "Invalid or corrupt selfie image. Images must be in PNG, JPG, or JPEG format."}'
LIMIT_REACHED = b'{"message": "Your request limit has been reached."}'
NO_FACE = (
    b'{"liveness_result": {"is_live": 0, "liveness_score": 0.0}, "message": "No face was found in the selfie image."}'
)


def post(client: httpx.Client, hash_id: object, selfie_image: object) -> httpx.Response:
    return client.post("/liveness", json={"hash_id": hash_id, "selfie_image": selfie_image})


def test_status_check(client: httpx.Client) -> None:
    answer = client.get("/status_check")
    assert (answer.status_code, answer.content) == (200, b"Services is live")
    assert answer.headers["content-type"].startswith("text/plain")


def test_a_live_person(client: httpx.Client, hash_id: str, portrait_jpeg: bytes) -> None:
    answer = post(client, hash_id, data_uri(portrait_jpeg))
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "application/json"
    score = answer.json()["liveness_result"]["liveness_score"]
    assert score == pytest.approx(0.98, abs=0.01)
    expected = {"liveness_result": {"is_live": 1, "liveness_score": score}, "message": "Success"}
    assert answer.text == json.dumps(expected)
    assert "server-timing" not in answer.headers


def test_a_presentation_attack(client: httpx.Client, hash_id: str, portrait: RgbImage) -> None:
    answer = post(client, hash_id, data_uri(jpeg_of(recaptured_on_a_screen(portrait))))
    assert answer.status_code == 201
    result = answer.json()["liveness_result"]
    assert result["is_live"] == 0
    assert result["liveness_score"] < 0.5
    assert answer.json()["message"] == "Success"


def test_png_and_bare_base64_and_a_wrong_prefix_give_the_same_verdict(
    client: httpx.Client, hash_id: str, portrait: RgbImage
) -> None:
    uri = data_uri(png_of(portrait), "image/png")
    bare = uri.split(",")[1]
    answers = [post(client, hash_id, given) for given in (uri, bare, f"data:image/jpeg;base64,{bare}")]
    assert [answer.status_code for answer in answers] == [201] * 3
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["liveness_result"]["is_live"] == 1


def test_no_face_fails_closed_and_counts(client: httpx.Client, make_key: MakeKey) -> None:
    hash_id = make_key(limit=1)
    answer = post(client, hash_id, data_uri(png_of(data.coffee())))
    assert (answer.status_code, answer.content) == (201, NO_FACE)
    assert post(client, hash_id, data_uri(png_of(data.coffee()))).content == LIMIT_REACHED


@pytest.mark.parametrize(
    "hash_id", ["", "0" * 64, "unknown", None, 7, True, [], ["a"], {"$ne": None}, {"$gt": ""}, "\x00", "é" * 10_000]
)
def test_a_wrong_hash_id_of_any_type(client: httpx.Client, portrait_jpeg: bytes, hash_id: object) -> None:
    answer = post(client, hash_id, data_uri(portrait_jpeg))
    assert (answer.status_code, answer.content) == (401, INVALID_CREDENTIALS)


def test_a_missing_hash_id(client: httpx.Client, portrait_jpeg: bytes) -> None:
    answer = client.post("/liveness", json={"selfie_image": data_uri(portrait_jpeg)})
    assert (answer.status_code, answer.content) == (401, INVALID_CREDENTIALS)


def test_revoked_and_expired_keys_are_told_apart_from_nothing(
    client: httpx.Client, make_key: MakeKey, portrait_jpeg: bytes
) -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    for field in ("revoked_at", "expires_at"):
        answer = post(client, make_key(**{field: yesterday}), data_uri(portrait_jpeg))
        assert (answer.status_code, answer.content) == (401, INVALID_CREDENTIALS)


def test_credentials_are_judged_before_the_image(client: httpx.Client) -> None:
    assert client.post("/liveness", json={}).status_code == 401


@pytest.mark.parametrize("selfie_image", ["", None, 7, False, [], ["data:image/jpeg;base64,"], {"a": 1}])
def test_an_image_missing_or_empty(client: httpx.Client, hash_id: str, selfie_image: object) -> None:
    answer = post(client, hash_id, selfie_image)
    assert (answer.status_code, answer.content) == (400, IMAGE_REQUIRED)


def test_no_selfie_image_at_all(client: httpx.Client, hash_id: str) -> None:
    answer = client.post("/liveness", json={"hash_id": hash_id})
    assert (answer.status_code, answer.content) == (400, IMAGE_REQUIRED)


def test_a_zero_byte_file(client: httpx.Client, hash_id: str) -> None:
    answer = post(client, hash_id, "data:image/jpeg;base64,")
    assert (answer.status_code, answer.content) == (400, IMAGE_REQUIRED)


def test_a_corrupt_image(client: httpx.Client, hash_id: str, portrait_jpeg: bytes) -> None:
    for damaged in (portrait_jpeg[: len(portrait_jpeg) // 2], b"\xff\xd8\xff" + portrait_jpeg[200:], b"no image"):
        answer = post(client, hash_id, data_uri(damaged))
        assert (answer.status_code, answer.content) == (400, IMAGE_INVALID)


def test_the_limit_used_up(client: httpx.Client, make_key: MakeKey, portrait_jpeg: bytes) -> None:
    hash_id = make_key(limit=2)
    answers = [post(client, hash_id, data_uri(portrait_jpeg)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [201, 201, 429, 429]
    assert answers[2].content == answers[3].content == LIMIT_REACHED


def test_customer_script_runs_as_it_is(stack: Stack, hash_id: str, portrait_jpeg: bytes, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "client.py"
    (tmp_path / "selfie.jpg").write_bytes(portrait_jpeg)
    script = tmp_path / "client.py"
    script.write_text(example.read_text().replace("http://127.0.0.1:5001", stack.url))
    done = subprocess.run(
        [sys.executable, script, tmp_path / "selfie.jpg", hash_id], capture_output=True, text=True, check=True
    )
    assert "Response Code: 201" in done.stdout
    assert "'is_live': 1" in done.stdout


def test_large_photographs_score_as_their_small_copies_do(
    client: httpx.Client, hash_id: str, portrait: RgbImage
) -> None:
    """The first is judged on a half-size decoding; in the second the face is so small that it is decoded anew."""
    filled = np.asarray(cv2.resize(portrait, (4032, 3024), interpolation=cv2.INTER_CUBIC), np.uint8)
    distant = np.full((2160, 2880, 3), 120, np.uint8)
    distant[300:1836, 400:2448] = cv2.resize(portrait, (2048, 1536), interpolation=cv2.INTER_CUBIC)
    for picture in (filled, distant):
        answer = post(client, hash_id, data_uri(jpeg_of(picture)))
        assert answer.json()["liveness_result"]["liveness_score"] == pytest.approx(0.98, abs=0.02)
