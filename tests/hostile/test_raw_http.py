"""What no HTTP library would send: bad framing, bad headers, many requests in one."""

import contextlib
import json
import re
import socket
import time

import httpx
import pytest

from tests.conftest import Stack, data_uri
from tests.hostile.seeds import jpeg_seeds, small_picture

LONGEST_S = 5.0


def talk(target: Stack, sent: bytes, wait_s: float = 1.0) -> bytes:
    """All that is answered to these bytes until the service closes, or is silent for `wait_s`."""
    host, port = target.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=wait_s) as connection:
        try:
            connection.sendall(sent)
            while part := connection.recv(65536):
                received += part
        except (TimeoutError, ConnectionError):
            pass
    return received


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer)]


def request(*lines: bytes, body: bytes = b"", start: bytes = b"POST /liveness HTTP/1.1") -> bytes:
    return b"\r\n".join((start, b"Host: x", *lines)) + b"\r\n\r\n" + body


BODY = b'{"hash_id": "x"}'
LENGTH = b"Content-Length: 16"
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: smuggled\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
ASKS_FOR_HTTP_2 = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")

REFUSED = {
    "two lengths": request(LENGTH, b"Content-Length: 17", body=BODY + SMUGGLED),
    "two lengths alike": request(LENGTH, LENGTH, body=BODY),
    "length and chunked": request(LENGTH, CHUNKED, body=b"0\r\n\r\n" + SMUGGLED),
    "chunked and length": request(CHUNKED, LENGTH, body=b"0\r\n\r\n" + SMUGGLED),
    "length with a sign": request(b"Content-Length: +16", body=BODY),
    "negative length": request(b"Content-Length: -1", body=BODY),
    "length in hexadecimal": request(b"Content-Length: 0x10", body=BODY),
    "list of lengths": request(b"Content-Length: 16, 16", body=BODY),
    "length beyond 64 bits": request(b"Content-Length: 99999999999999999999999", body=BODY),
    "chunked twice and not last": request(b"Transfer-Encoding: chunked, identity", body=BODY + SMUGGLED),
    "chunked with a vertical tab": request(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "identity and chunked": request(
        b"Transfer-Encoding: identity", CHUNKED, body=b"10\r\n" + BODY + b"\r\n0\r\n\r\n" + SMUGGLED
    ),
    "compressed and chunked": request(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n" + SMUGGLED),
    "unknown coding": request(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + SMUGGLED),
    "chunk size of no hexadecimal": request(CHUNKED, body=b"zz\r\n" + BODY),
    "chunk size beyond 64 bits": request(CHUNKED, body=b"fffffffffffffffff\r\n" + BODY),
    "chunk size with a sign": request(CHUNKED, body=b"+10\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "chunk without its line end": request(CHUNKED, body=b"10\r\n" + BODY + b"XX0\r\n\r\n"),
    "blank before the colon": request(b"Content-Length : 16", body=BODY),
    "folded header": request(b"X-A: 1\r\n Content-Length: 16", body=BODY),
    "blank before the name": request(b" Content-Length: 16", body=BODY),
    "NUL in a value": request(b"X-A: a\0b", LENGTH, body=BODY),
    "NUL in a name": request(b"X\0A: b", LENGTH, body=BODY),
    "bare CR in a value": request(b"X-A: a\rContent-Length: 0", LENGTH, body=BODY),
    "header without a colon": request(b"nonsense", LENGTH, body=BODY),
    "version of the future": request(start=b"GET /healthz HTTP/9.9"),
    "NUL in the path": request(start=b"GET /healthz\0 HTTP/1.1"),
    "blank in the path": request(start=b"GET /healthz x HTTP/1.1"),
    "method of nobody": request(start=b"HACK /healthz HTTP/1.1"),
    "tab in the method": request(start=b"GE\tT /healthz HTTP/1.1"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(20),
    "noise": bytes(range(256)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_framing_is_refused_and_nothing_is_smuggled(target: Stack, name: str) -> None:
    began_s = time.monotonic()
    answer = talk(target, REFUSED[name])
    assert statuses(answer) == [400], answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b'{"error": "The request is not valid HTTP."}'
    assert b"\r\nx-request-id: " in head.lower()
    assert b"\r\nconnection: close" in head.lower()
    assert time.monotonic() - began_s < LONGEST_S


TAKEN = {
    "chunked": (request(CHUNKED, b"Connection: close", body=b"10\r\n" + BODY + b"\r\n0\r\n\r\n"), [401]),
    "chunk extensions and trailers": (
        request(CHUNKED, b"Connection: close", body=b"10;a=b\r\n" + BODY + b"\r\n0\r\nX-A: b\r\n\r\n"),
        [401],
    ),
    "no version": (b"POST /liveness\r\n\r\n", [400]),
    "HTTP/1.0": (b"POST /liveness HTTP/1.0\r\nContent-Length: 16\r\n\r\n" + BODY, [401]),
    "absolute URI": (request(b"Connection: close", start=b"GET http://elsewhere/healthz HTTP/1.1"), [200]),
    "CONNECT": (request(b"Connection: close", start=b"CONNECT elsewhere:443 HTTP/1.1"), [400]),
    "asterisk": (request(b"Connection: close", start=b"OPTIONS * HTTP/1.1"), [404]),
    "dots in the path": (request(b"Connection: close", start=b"GET /../../etc/passwd HTTP/1.1"), [404]),
    "encoded dots": (
        request(b"Connection: close", start=b"GET /static-offline-docs/%2e%2e/%2e%2e/core.py HTTP/1.1"),
        [404],
    ),
    "encoded NUL": (request(b"Connection: close", start=b"GET /static-offline-docs/%00 HTTP/1.1"), [404]),
    "path of no UTF-8": (request(b"Connection: close", start=b"GET /%ff%fe HTTP/1.1"), [404]),
    "expect 100": (request(LENGTH, b"Expect: 100-continue", b"Connection: close", body=BODY), [100, 401]),
    "expect 100 of HTTP/1.0": (
        b"POST /liveness HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n" + BODY,
        [401],
    ),
    "length with 5,000 zeros": (
        request(b"Content-Length: " + b"0" * 5_000 + b"16", b"Connection: close", body=BODY),
        [401],
    ),
    "expect the unknown": (request(LENGTH, b"Expect: 200-ok", b"Connection: close", body=BODY), [401]),
    "upgrade": (request(LENGTH, b"Upgrade: h2c", b"Connection: close", body=BODY), [401]),
    "upgrade that the connection names": (
        request(LENGTH, *ASKS_FOR_HTTP_2, body=BODY)
        + request(CHUNKED, *ASKS_FOR_HTTP_2, body=b"10\r\n" + BODY + b"\r\n0\r\n\r\n")
        + request(b"Connection: close", start=b"GET /healthz HTTP/1.1"),
        [401, 401, 200],
    ),
    "upgrade whose body is a request": (
        request(b"Content-Length: %d" % len(SMUGGLED), *ASKS_FOR_HTTP_2, body=SMUGGLED)
        + request(LENGTH, b"Upgrade: h2c", b"Connection: Upgrade, close", body=BODY),
        [400, 401],
    ),
    "websocket": (
        request(
            b"Upgrade: websocket",
            b"Connection: Upgrade, close",
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            b"Sec-WebSocket-Version: 13",
            start=b"GET /healthz HTTP/1.1",
        ),
        [200],
    ),
    "websocket with a body": (
        request(LENGTH, b"Upgrade: websocket", b"Connection: Upgrade", body=BODY)
        + request(b"Connection: close", start=b"GET /healthz HTTP/1.1"),
        [401, 200],
    ),
    "many upgrades": (
        request(b"Upgrade: x", b"Connection: Upgrade", start=b"GET /healthz HTTP/1.1") * 60
        + request(b"Connection: close", start=b"GET /healthz HTTP/1.1"),
        [200] * 61,
    ),
    "pipelined": (SMUGGLED * 3 + request(LENGTH, b"Connection: close", body=BODY), [200, 200, 200, 401]),
    "no host": (b"GET /healthz HTTP/1.0\r\n\r\n", [200]),
    "two hosts": (request(b"Host: y", b"Connection: close", start=b"GET /healthz HTTP/1.1"), [200]),
    "200 headers": (request(*[b"X-%d: y" % n for n in range(200)], LENGTH, b"Connection: close", body=BODY), [401]),
    "content type of noise": (request(b"Content-Type: \xff\xfe;;=", LENGTH, b"Connection: close", body=BODY), [401]),
    "content encoding": (request(b"Content-Encoding: gzip", LENGTH, b"Connection: close", body=BODY), [401]),
    "origin of elsewhere": (request(b"Origin: http://evil", LENGTH, b"Connection: close", body=BODY), [401]),
    "forwarded": (request(b"X-Forwarded-For: a, b", LENGTH, b"Connection: close", body=BODY), [401]),
}


@pytest.mark.parametrize("name", TAKEN)
def test_odd_but_clear_requests_are_answered_once_each(target: Stack, name: str) -> None:
    sent, expected = TAKEN[name]
    began_s = time.monotonic()
    answer = talk(target, sent, wait_s=5.0)
    assert statuses(answer) == expected, answer
    assert time.monotonic() - began_s < LONGEST_S


@pytest.mark.parametrize("cut", [1, 40, len(SMUGGLED) - 1])
def test_a_request_is_answered_though_the_next_one_is_only_begun(target: Stack, cut: int) -> None:
    first = request(b"Content-Length: 100000", body=BODY.ljust(100_000))
    host, port = target.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(first + SMUGGLED[:cut])
        received = connection.recv(65536)
        connection.sendall(SMUGGLED[cut:])
        while len(statuses(received)) < 2 and (part := connection.recv(65536)):
            received += part
    assert statuses(received) == [401, 200]


def test_trailers_are_no_headers(target: Stack) -> None:
    trailers = b"X-Request-ID: from-a-trailer\r\nX-Forwarded-For: 1.2.3.4\r\n"
    body = b"10\r\n" + BODY + b"\r\n0\r\n" + trailers + b"\r\n"
    answer = talk(target, request(CHUNKED, b"X-Request-ID: from-the-head", b"Connection: close", body=body))
    assert statuses(answer) == [401]
    assert b"from-the-head" in answer
    assert b"from-a-trailer" not in answer


@pytest.mark.parametrize("path", [b"/liveness", b"/liveness?details=perhaps"])
@pytest.mark.parametrize("endless", [b"A: b\r\n" * 1_000, b"A: " + b"b" * 100_000, b"1;" + b"a" * 100_000])
def test_what_stands_beside_a_body_is_bounded(target: Stack, path: bytes, endless: bytes) -> None:
    last = b"" if endless.startswith(b"1;") else b"0\r\n"
    begun = request(CHUNKED, start=b"POST " + path + b" HTTP/1.1", body=b"2\r\n{}\r\n" + last)
    host, port = target.url.removeprefix("http://").split(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(begun)
        time.sleep(0.1)
        with contextlib.suppress(ConnectionError):
            for _ in range(1_000):
                connection.sendall(endless)
            pytest.fail("megabytes were taken")
        with contextlib.suppress(ConnectionError):
            received = connection.recv(65536)
    assert statuses(received) in ([431], [400], [])


def test_requests_by_the_thousand_in_one_piece_hold_up_nobody(target: Stack) -> None:
    many = request(start=b"GET /healthz HTTP/1.1") * 8_000
    began_s = time.monotonic()
    for _ in range(4):
        assert len(statuses(talk(target, many))) <= 64
        assert httpx.get(f"{target.url}/healthz").text == "ok"
    assert time.monotonic() - began_s < 2


def test_too_long_a_target_is_answered_431(target: Stack) -> None:
    answer = talk(target, request(b"Connection: close", start=b"GET /" + b"a" * 70_000 + b" HTTP/1.1"))
    assert statuses(answer) == [431]


@pytest.mark.parametrize("size", [70_000, 2_000_000])
@pytest.mark.parametrize("where", ["path", "name", "value", "many"])
def test_huge_heads_are_answered_or_cut_off(target: Stack, where: str, size: int) -> None:
    heads = {
        "path": request(b"Connection: close", start=b"GET /" + b"a" * size + b" HTTP/1.1"),
        "name": request(b"Connection: close", b"X" * size + b": 1", start=b"GET /healthz HTTP/1.1"),
        "value": request(b"Connection: close", b"X-A: " + b"1" * size, start=b"GET /healthz HTTP/1.1"),
        "many": request(b"Connection: close", *[b"X-A: 1"] * (size // 8), start=b"GET /healthz HTTP/1.1"),
    }
    began_s = time.monotonic()
    answer = talk(target, heads[where], wait_s=LONGEST_S)
    assert statuses(answer) in ([431], []) if size > 1_000_000 else statuses(answer)[0] < 500, answer[:300]
    assert time.monotonic() - began_s < LONGEST_S
    assert httpx.get(f"{target.url}/healthz").text == "ok"


def test_a_verdict_comes_through_after_all_that(target: Stack, hash_id: str) -> None:
    image = data_uri(jpeg_seeds(small_picture())[0])
    body = json.dumps({"hash_id": hash_id, "selfie_image": image}).encode()
    length = b"Content-Length: %d" % len(body)
    answer = talk(target, request(length, b"Connection: close", body=body), wait_s=10)
    assert statuses(answer) == [201]
