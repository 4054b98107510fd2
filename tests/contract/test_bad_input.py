"""What nobody should send gets a documented answer, soon, and leaves the service as it was."""

import http.client
import json
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator

import httpx
import numpy as np
import pytest

from tests.conftest import MakeKey, Stack, data_uri, png_of
from tests.hostile.mutations.png import join

NO_OBJECT = b'{"error": "The request body must be a JSON object."}'
IMAGE_INVALID = b'{"error": "Invalid or corrupt selfie image. Images must be in PNG, JPG, or JPEG format."}'


@pytest.fixture(autouse=True)
def _soon() -> Iterator[None]:
    started_at_s = time.monotonic()
    yield
    assert time.monotonic() - started_at_s < 5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hash_id=a&selfie_image=b",
        b"{",
        b'{"hash_id": "a", "selfie_image": "data:image/jpeg;base64,/9j/',
        b"[]",
        b"null",
        b'"text"',
        b"12345",
        b"\xff\xfe\x00",
        b'{"hash_id": "\xff"}',
        b"\x00" * 100,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_json_object(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/liveness", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.content) == (400, NO_OBJECT)


@pytest.mark.parametrize("path", ["/liveness", "/liveness/batch"])
def test_a_body_that_would_become_a_million_values_is_not_parsed(client: httpx.Client, path: str) -> None:
    nested = b"[" * 180 + b"]" * 180
    bomb = b'{"hash_id": "a", "selfie_images": [' + b",".join([nested] * 60_000) + b"]}"
    began_s = time.monotonic()
    answer = client.post(path, content=bomb)
    assert (answer.status_code, answer.content) == (400, NO_OBJECT)
    assert time.monotonic() - began_s < 2, "parsed, it takes five seconds and a gigabyte"


def test_other_fields_are_passed_over(client: httpx.Client, hash_id: str, portrait_jpeg: bytes) -> None:
    body = {"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg), "track": list(range(900))}
    assert client.post("/liveness", json=body).status_code == 201


@pytest.mark.parametrize("content_type", [None, "text/plain", "image/jpeg", "application/x-www-form-urlencoded", "ä"])
def test_the_body_decides_not_the_content_type(
    client: httpx.Client, hash_id: str, portrait_jpeg: bytes, content_type: str | None
) -> None:
    body = json.dumps({"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}).encode()
    headers = {"content-type": content_type.encode()} if content_type else {}
    assert client.post("/liveness", content=body, headers=headers).status_code == 201


def files_that_are_no_picture() -> dict[str, bytes]:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    giant = join([(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 100_000)), (b"IEND", b"")])
    return {
        "png of 60,000 x 60,000": giant,
        "gif": b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,"
        b"\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
        "webp": b"RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x000\x01\x00\x9d\x01*"
        b"\x01\x00\x01\x00\x02\x004%\xa4\x00\x03p\x00",
        "svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='60000' height='60000'/>",
        "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
        "text": b"I am a live person, honestly.",
    }


@pytest.mark.parametrize("name", files_that_are_no_picture())
def test_files_that_are_no_picture(client: httpx.Client, hash_id: str, name: str) -> None:
    answer = client.post(
        "/liveness", json={"hash_id": hash_id, "selfie_image": data_uri(files_that_are_no_picture()[name])}
    )
    assert (answer.status_code, answer.content) == (400, IMAGE_INVALID)


def test_a_picture_of_one_pixel_has_no_face(client: httpx.Client, hash_id: str) -> None:
    answer = client.post(
        "/liveness", json={"hash_id": hash_id, "selfie_image": data_uri(png_of(np.zeros((1, 1, 3), np.uint8)))}
    )
    assert answer.status_code == 201
    assert answer.json()["liveness_result"] == {"is_live": 0, "liveness_score": 0.0}


def test_40_megabytes_with_a_length(client: httpx.Client) -> None:
    answer = client.post("/liveness", content=b" " * 40_000_000)
    assert (answer.status_code, answer.content) == (413, b'{"error": "The request body is too large."}')


def test_40_megabytes_in_chunks(client: httpx.Client) -> None:
    answer = client.post("/liveness", content=(b" " * 1_000_000 for _ in range(40)))
    assert (answer.status_code, answer.content) == (413, b'{"error": "The request body is too large."}')


def test_a_body_cut_short_by_a_client_that_leaves(stack: Stack, client: httpx.Client) -> None:
    host, port = stack.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b'POST /liveness HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"hash_id": "')
    assert client.get("/healthz").status_code == 200


def test_a_client_that_leaves_before_the_answer_is_not_charged(
    stack: Stack, make_key: MakeKey, used: Callable[[str], int], portrait_jpeg: bytes, client: httpx.Client
) -> None:
    hash_id = make_key(limit=50)
    body = json.dumps({"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)})
    host, port = stack.url.removeprefix("http://").split(":")
    for _ in range(10):
        connection = http.client.HTTPConnection(host, int(port))
        connection.request("POST", "/liveness", body, {"Content-Type": "application/json"})
        connection.close()
    answer = client.post("/liveness", content=body)  # behind the ten in the queue
    assert answer.status_code == 201
    time.sleep(0.5)
    assert used(hash_id) == 1


def test_nor_is_one_that_had_asked_for_more_behind_it(
    stack: Stack, make_key: MakeKey, used: Callable[[str], int], portrait_jpeg: bytes, client: httpx.Client
) -> None:
    """What it asks for next keeps the service from reading that it has gone."""
    hash_id = make_key(limit=50)
    body = json.dumps({"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}).encode()
    first = b"POST /liveness HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    host, port = stack.url.removeprefix("http://").split(":")
    for _ in range(10):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(first + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.post("/liveness", content=body).status_code == 201
    time.sleep(0.5)
    assert used(hash_id) == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/liveness", 405), ("POST", "/", 405), ("GET", "/x", 404), ("POST", "/liveness/", 404)],
)
def test_other_paths_and_methods(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def test_nothing_secret_and_no_picture_is_logged(
    stack: Stack, client: httpx.Client, hash_id: str, portrait_jpeg: bytes
) -> None:
    image = data_uri(portrait_jpeg[: len(portrait_jpeg) // 2])
    wrong = "feedface" * 8
    assert client.post("/liveness", json={"hash_id": hash_id, "selfie_image": image}).status_code == 400
    assert client.post("/liveness", json={"hash_id": wrong, "selfie_image": image}).status_code == 401
    written = b"".join(file.read_bytes() for file in stack.data_dir.rglob("*") if file.is_file())
    assert b"invalid_image" in written
    for secret in (hash_id, wrong, image[1000:1064]):
        assert secret.encode() not in written
