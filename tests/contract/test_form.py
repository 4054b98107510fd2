"""multipart/form-data on POST /liveness: the same answers as JSON gets, and no picture on a disk."""

import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import MakeKey, Stack, data_uri

NO_FORM = {"error": "The request body must be intact multipart/form-data."}


def test_file_and_text_get_the_answer_that_json_gets(client: httpx.Client, hash_id: str, portrait_jpeg: bytes) -> None:
    json = client.post("/liveness", json={"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)})
    text = {"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}
    answers = [
        client.post("/liveness", data={"hash_id": hash_id}, files={"selfie_image": ("a.png", portrait_jpeg)}),
        client.post("/liveness", data={"hash_id": hash_id}, files={"selfie_image": ("", portrait_jpeg, "image/jpeg")}),
        client.post("/liveness", files={name: (None, value) for name, value in text.items()}),
    ]
    assert json.status_code == 201
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, json.content)}


@pytest.mark.parametrize("image", [b"", b"no picture", b"\xff\xd8\xff", b"GIF89a"])
def test_refused_files_get_the_answer_that_json_gets(client: httpx.Client, hash_id: str, image: bytes) -> None:
    json = client.post("/liveness", json={"hash_id": hash_id, "selfie_image": data_uri(image)})
    form = client.post("/liveness", data={"hash_id": hash_id}, files={"selfie_image": ("a.jpg", image)})
    assert json.status_code == 400
    assert (form.status_code, form.content) == (json.status_code, json.content)


def test_fields_that_are_missing_or_wrong(client: httpx.Client, make_key: MakeKey, portrait_jpeg: bytes) -> None:
    file = {"selfie_image": ("a.jpg", portrait_jpeg)}
    assert client.post("/liveness", files=file).json() == {"message": "Invalid credentials"}
    assert (
        client.post("/liveness", files=file | {"hash_id": ("id", make_key())}).status_code == 401
    )  # a file is no text
    assert client.post("/liveness", files={"hash_id": (None, make_key())}).json() == {
        "error": "Selfie_image is required and must be a JPEG, JPG or PNG."
    }
    used_up = client.post("/liveness", data={"hash_id": make_key(limit=0)}, files=file)
    assert (used_up.status_code, used_up.json()) == (429, {"message": "Your request limit has been reached."})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b--\r\n" * 2,
        b"no form",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="hash_id"\r\n\r\nabc',
        b'--b\r\nContent-Disposition: form-data; name="hash_id"\r\n\r\n\xff\xfe\r\n--b--\r\n',
        b"--b\r\n" + b"X: y\r\n" * 1000 + b"\r\n\r\n--b--\r\n",
        b"--b\r\nX: " + b"y" * 100_000 + b"\r\n\r\n\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n\r\n' * 1000 + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="hash_id"\r\n\r\na\r\n--bX\r\n--b--\r\n',
        b"--b\r\nno header\r\n\r\na\r\n--b--\r\n",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_intact_form(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/liveness", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert answer.status_code in {400, 401}
    if answer.status_code == 400:
        assert answer.json() == NO_FORM


@pytest.mark.parametrize("endless", [b"\r\n--b" + b" " * 20_000_000, b"\r\n--bX" * 3_500_000], ids=["blanks", "lines"])
def test_lines_that_begin_as_the_boundary_take_no_time(client: httpx.Client, endless: bytes) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="hash_id"\r\n\r\na' + endless
    began_s = time.monotonic()
    answer = client.post("/liveness", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()) == (400, NO_FORM)
    assert time.monotonic() - began_s < 1, "byte by byte it takes four seconds"


def test_json_that_is_called_a_form_without_a_boundary_is_json(
    client: httpx.Client, hash_id: str, portrait_jpeg: bytes
) -> None:
    answer = client.post(
        "/liveness",
        json={"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)},
        headers={"Content-Type": "multipart/form-data"},
    )
    assert answer.status_code == 201


def test_the_name_of_a_content_type_may_be_written_in_capitals(
    client: httpx.Client, hash_id: str, portrait_jpeg: bytes
) -> None:
    file = {"selfie_image": ("a.jpg", portrait_jpeg)}
    form = client.build_request("POST", "/liveness", data={"hash_id": hash_id}, files=file)
    form.headers["Content-Type"] = form.headers["Content-Type"].replace("multipart/form-data", "Multipart/Form-Data")
    assert client.send(form).status_code == 201


def test_40_megabytes(client: httpx.Client, hash_id: str) -> None:
    answer = client.post("/liveness", data={"hash_id": hash_id}, files={"selfie_image": ("a.jpg", b"\0" * 40_000_000)})
    assert (answer.status_code, answer.json()) == (413, {"error": "The request body is too large."})


def test_no_part_of_a_picture_comes_to_a_disk(stack: Stack, client: httpx.Client, hash_id: str) -> None:
    """Half-way through the upload of a large file the service has no temporary file open, named or not."""
    head = (
        f'--b\r\nContent-Disposition: form-data; name="hash_id"\r\n\r\n{hash_id}\r\n'
        '--b\r\nContent-Disposition: form-data; name="selfie_image"; filename="a.jpg"\r\n\r\n'
    ).encode()
    content, tail = b"\xff\xd8\xff" + bytes(8_000_000), b"\r\n--b--\r\n"
    length = len(head) + len(content) + len(tail)
    before = open_files(stack)
    host, port = stack.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        request = f"POST /liveness HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n"
        connection.sendall(f"{request}Content-Type: multipart/form-data; boundary=b\r\n\r\n".encode() + head)
        connection.sendall(content)
        assert client.get("/healthz").status_code == 200  # by now the service has read what was sent before it
        assert open_files(stack) <= before
        connection.sendall(tail)
        assert connection.recv(100).startswith(b"HTTP/1.1 400 ")


def open_files(stack: Stack) -> set[str]:
    """What regular files the service has open; one without a name ends with "(deleted)"."""
    links = {str(link.readlink()) for link in Path(f"/proc/{stack.process.pid}/fd").iterdir()}
    return {link for link in links if link.startswith("/") and not link.startswith("/dev/")}
