"""Clients that are slow, silent or gone hold nothing for long, and those beside them are served meanwhile."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tests.conftest import running, within
from tests.faults.fake_triton import FakeTriton, fake_triton, judge_late
from tests.faults.load import Answer, Client, Key
from tests.scraping import scrape, value

HEADER_TIMEOUT_S, BODY_TIMEOUT_S, RESPONSE_TIMEOUT_S = 0.8, 1.0, 1.0
MAX_CONNECTIONS = 60
SLACK_S = 4.0


@dataclass(frozen=True)
class Service:
    address: tuple[str, int]
    triton: FakeTriton
    folder: Path

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)

    def key(self) -> Key:
        return Key(f"sqlite:///{self.folder / 'keys.sqlite3'}")

    def connect(self) -> socket.socket:
        connection = socket.create_connection(self.address)
        connection.settimeout(10)
        return connection

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        client = Client(self.url)
        try:
            return client.ask(method, path, body)
        finally:
            client.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("slow-clients")
    settings = {
        "port": 0,
        "data_dir": folder,
        "header_timeout_s": HEADER_TIMEOUT_S,
        "body_timeout_s": BODY_TIMEOUT_S,
        "response_timeout_s": RESPONSE_TIMEOUT_S,
        "max_connections": MAX_CONNECTIONS,
        "max_in_flight": 1,
        "admission_wait_s": 5,
    }
    with fake_triton() as triton:
        url = f"127.0.0.1:{triton.server_port}"
        with running("serve", "listening on", log=folder / "log", triton_url=url, **settings) as (_, line):
            host, port = line.split()[-1].removeprefix("http://").split(":")
            yield Service((host, int(port)), triton, folder)


def drip(connection: socket.socket, data: bytes, every_s: float = 0.1) -> bytes:
    """Send the data byte by byte until an answer comes, and return all of it."""
    connection.settimeout(every_s)
    for byte in data:
        connection.sendall(bytes([byte]))
        try:
            answer = connection.recv(65536)
        except TimeoutError:
            continue
        connection.settimeout(5)
        while chunk := connection.recv(65536):
            answer += chunk
        return answer
    pytest.fail("all of it was taken")


def test_a_head_that_drips_is_answered_408_while_others_are_served(service: Service, small_jpeg: bytes) -> None:
    body = service.key().body(small_jpeg)
    with ExitStack() as slow:
        connections = [slow.enter_context(service.connect()) for _ in range(MAX_CONNECTIONS - 10)]
        for connection in connections:
            connection.sendall(b"POST /liveness HTTP/1.1\r\nHost: x\r\n")
        begun_s = time.monotonic()
        assert service.ask("POST", "/liveness", body).status == 201
        answer = drip(connections[0], b"X-Slow: " + b"y" * 100)
        assert HEADER_TIMEOUT_S / 2 < time.monotonic() - begun_s < HEADER_TIMEOUT_S + SLACK_S
        head, _, content = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 Request Timeout")
        assert b"connection: close" in head.lower()
        assert json.loads(content) == {"error": "The request took too long to arrive."}
        assert all(connection.recv(4096).startswith(b"HTTP/1.1 408") for connection in connections[1:])


def test_empty_lines_in_place_of_a_request_do_not_hold_a_connection(service: Service) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        begun_s = time.monotonic()
        assert b"408" in drip(connection, b"\r\n" * 50)
        assert time.monotonic() - begun_s < HEADER_TIMEOUT_S + SLACK_S


def test_a_body_that_drips_is_answered_408_under_the_name_that_the_client_gave_it(service: Service) -> None:
    with service.connect() as connection:
        connection.sendall(
            b"POST /liveness HTTP/1.1\r\nHost: x\r\nX-Request-ID: order-1017\r\nContent-Length: 1000\r\n\r\n"
        )
        begun_s = time.monotonic()
        answer = drip(connection, b"x" * 1000)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"x-request-id: order-1017\r\n" in answer.lower()
        assert BODY_TIMEOUT_S / 2 < time.monotonic() - begun_s < BODY_TIMEOUT_S + SLACK_S

    def logged() -> list[str]:
        return [line for line in (service.folder / "log").read_text().splitlines() if "order-1017" in line]

    assert within(5, lambda: len(logged()) == 1)
    assert "request_too_slow" in logged()[0]
    assert '"status":408' in logged()[0].replace(" ", "")
    assert value(scrape(service.url), "liveness_http_requests_total", route="/liveness", status="408") >= 1


def test_a_body_that_never_comes_brings_no_second_answer(service: Service) -> None:
    with service.connect() as connection:
        connection.sendall(b"POST /liveness?details=perhaps HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        answers = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answers.count(b"HTTP/1.1 ") == 1
    assert answers.startswith(b"HTTP/1.1 400")


def test_a_body_whose_framing_breaks_is_answered_and_logged_as_malformed(service: Service) -> None:
    with service.connect() as connection:
        connection.sendall(
            b"POST /liveness HTTP/1.1\r\nHost: x\r\nX-Request-ID: order-1018\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n5\r\n{"
        )
        time.sleep(0.1)
        connection.sendall(b'"a":XX')
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"x-request-id: order-1018\r\n" in answer.lower()

    def logged() -> list[str]:
        return [line for line in (service.folder / "log").read_text().splitlines() if "order-1018" in line]

    assert within(5, lambda: len(logged()) == 1)
    assert "malformed_request" in logged()[0]
    assert '"status":400' in logged()[0].replace(" ", "")


def test_connections_that_are_refused_without_a_request_are_counted(service: Service) -> None:
    def refused(reason: str) -> float:
        return value(scrape(service.url), "liveness_connections_refused_total", reason=reason)

    before = {reason: refused(reason) for reason in ("head_too_large", "malformed_request", "request_too_slow")}
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nX: " + b"y" * 200_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431")
    with service.connect() as connection:
        connection.sendall(b"\x16\x03\x01 is how TLS begins")
        assert connection.recv(4096).startswith(b"HTTP/1.1 400")
    with service.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        answer = connection.recv(4096)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b"x-request-id: " in answer.lower()
    assert {reason: refused(reason) - number for reason, number in before.items()} == dict.fromkeys(before, 1)


def is_cut_off(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"\r\n")
    except ConnectionError:
        return True
    return False


def test_a_client_that_never_reads_is_cut_off(service: Service) -> None:
    with service.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        begun_s = time.monotonic()
        connection.sendall(b"GET /static-offline-docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n" * 60)
        assert within(RESPONSE_TIMEOUT_S + 5, lambda: is_cut_off(connection))
        assert RESPONSE_TIMEOUT_S / 2 < time.monotonic() - begun_s < RESPONSE_TIMEOUT_S + 5
    assert "Traceback" not in (service.folder / "log").read_text()


def test_a_head_without_end_is_answered_431(service: Service) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 12_000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 431")


def test_the_rest_of_a_body_that_was_answered_early_is_no_head(service: Service) -> None:
    """A bad parameter is answered before the body is read; what of it still arrives must not end the connection."""
    body = b"x" * 2_000_000
    head = f"POST /liveness?details=perhaps HTTP/1.1\r\nHost: s\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with service.connect() as connection, connection.makefile("rb") as answers:
        connection.sendall(head + body[:1000])
        assert b" 400 " in answers.readline()
        connection.sendall(body[1000:])
        time.sleep(HEADER_TIMEOUT_S / 4)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n")
        rest = answers.read()
    assert b"HTTP/1.1 431" not in rest
    assert b"HTTP/1.1 200" in rest


def test_a_connection_too_many_is_turned_away_at_once_and_the_rest_are_kept(service: Service) -> None:
    with ExitStack() as idle:
        held = [idle.enter_context(service.connect()) for _ in range(MAX_CONNECTIONS)]
        refused = service.ask("GET", "/healthz")
        assert (refused.status, refused.retry_after) in {(503, "1"), (0, None)}
        assert refused.took_s < 2
        held[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert held[0].recv(4096).startswith(b"HTTP/1.1 200")
    time.sleep(0.2)
    assert service.ask("GET", "/healthz").status == 200


def test_a_client_that_goes_away_while_it_waits_costs_nobody_anything(service: Service, small_jpeg: bytes) -> None:
    asked = []

    def judge_and_note(handler: BaseHTTPRequestHandler) -> None:
        asked.append(time.monotonic())
        judge_late(handler, 0.5)

    stays, leaves = service.key(), service.key()
    with service.triton.doing(judge_and_note), service.connect() as first, service.connect() as second:
        for connection, key in (first, stays), (second, leaves):
            body = key.body(small_jpeg)
            connection.sendall(b"POST /liveness HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.15)
        second.close()
        assert first.recv(4096).startswith(b"HTTP/1.1 201")
        time.sleep(0.3)
    assert len(asked) == 1, "nothing was asked of Triton for the one that had gone"
    assert (stays.used(), leaves.used()) == (1, 0)
