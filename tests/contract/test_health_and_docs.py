"""Health, readiness and the interactive documentation."""

import json
import os
import re
import socket
import time
from pathlib import Path

import httpx
import pytest

from frontend.routes.answers import JsonAnswer
from tests.conftest import Stack


def test_healthz(client: httpx.Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok")


def test_readyz_names_each_dependency(client: httpx.Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "dependencies": {"triton": "ok", "keys": "ok"}}


def test_an_answer_may_name_a_path_that_is_no_unicode() -> None:
    cause = os.fsdecode(b"/data/\xff: the disk does not answer")
    assert json.loads(JsonAnswer({"keys": cause}).body) == {"keys": cause}


def test_documentation_page_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(sources) >= 3
    for source in sources:
        assert source.startswith("/")
        assert client.get(source).status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_a_client_that_reads_no_documentation_holds_no_open_file(stack: Stack) -> None:
    host, port = stack.url.removeprefix("http://").split(":")
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        reader.sendall(b"GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 8)
        assert reader.recv(15) == b"HTTP/1.1 200 OK"
        time.sleep(0.5)  # by now the network holds what it can
        open_files = [link.readlink().name for link in Path(f"/proc/{stack.process.pid}/fd").iterdir()]
    assert "swagger-ui-bundle.js" not in open_files


def test_openapi_has_an_example_for_each_case_of_the_contract(client: httpx.Client) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/liveness"]["post"]
    assert set(operation["responses"]) == {"201", "400", "401", "408", "413", "429", "431", "500", "503"}
    examples = {
        status: [example["value"] for example in answer["content"]["application/json"]["examples"].values()]
        for status, answer in operation["responses"].items()
    }
    assert {"message": "Invalid credentials"} in examples["401"]
    assert {"message": "Your request limit has been reached."} in examples["429"]
    assert len(examples["201"]) == 4
    assert len(examples["400"]) == 6
    assert len(examples["503"]) == 4
    request = operation["requestBody"]["content"]["application/json"]
    assert set(request["schema"]["required"]) == {"hash_id", "selfie_image"}


@pytest.mark.parametrize("given", ["order-17:a.b_c", "x" * 64])
def test_request_id_of_the_client_comes_back(client: httpx.Client, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "é".encode()])
def test_request_id_that_is_malformed_is_replaced(client: httpx.Client, given: str | bytes) -> None:
    answers = [client.post("/liveness", headers={"X-Request-ID": given}) for _ in range(2)]  # type: ignore[dict-item]
    assert len({answer.headers["X-Request-ID"] for answer in answers}) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-ID"]) for answer in answers)
