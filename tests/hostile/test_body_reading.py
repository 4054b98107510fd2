"""How a request's body reaches the application: a selfie in one piece, and never more ahead of it than is allowed."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from frontend.connections import READ_AHEAD_BYTES, ConnectionLimits
from tests.conftest import within
from tests.hostile.bounded import lifespan, serving

LIMITS = ConnectionLimits(
    max_connections=8,
    max_arriving_bytes=8 * READ_AHEAD_BYTES,
    header_timeout_s=10,
    body_timeout_s=10,
    response_timeout_s=10,
    retry_after_s=1,
)


class Reader:
    """An application that notes the sizes of the pieces, and reads none before `may_read`."""

    def __init__(self) -> None:
        self.pieces: list[int] = []
        self.may_read = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(LIMITS, scope, receive, send)
            return
        await asyncio.to_thread(self.may_read.wait)
        more = True
        while more:
            message = await receive()
            self.pieces.append(len(message["body"]))
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@contextmanager
def served(app: Reader) -> Iterator[socket.socket]:
    """A client's connection to the application."""
    with serving(app) as (_, address):
        try:
            with socket.create_connection(address) as client:
                yield client
        finally:
            app.may_read.set()


def head(content_length: int) -> bytes:
    return f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {content_length}\r\n\r\n".encode()


@pytest.mark.parametrize(("size", "step"), [(330_000, 330_000), (330_000, 10_000), (READ_AHEAD_BYTES, 65_536)])
def test_a_selfie_comes_in_one_piece(size: int, step: int) -> None:
    app = Reader()
    app.may_read.set()
    with served(app) as client:
        client.sendall(head(size))
        for start in range(0, size, step):
            client.sendall(b"x" * min(step, size - start))
        assert client.recv(100).startswith(b"HTTP/1.1 204")
    assert app.pieces == [size]


def test_a_large_body_comes_in_pieces() -> None:
    app, size = Reader(), 5 * READ_AHEAD_BYTES
    app.may_read.set()
    with served(app) as client:
        client.sendall(head(size) + b"x" * size)
        assert client.recv(100).startswith(b"HTTP/1.1 204")
    assert sum(app.pieces) == size
    assert max(app.pieces) < 2 * READ_AHEAD_BYTES


def test_what_is_not_read_is_not_gathered() -> None:
    app, size = Reader(), 64 * READ_AHEAD_BYTES
    with served(app) as client:
        client.sendall(head(size))
        client.setblocking(False)
        sent = 0

        def is_stuck() -> bool:
            nonlocal sent
            before = sent
            with suppress(BlockingIOError):
                sent += client.send(b"x" * 262_144)
            return sent == before > 0

        assert within(10, is_stuck)
        assert sent < size / 2  # the rest of what was taken lies in the network's own buffers
        assert not app.pieces


def answer_to(client: socket.socket, request: bytes) -> bytes:
    """Nothing where the connection was ended over what was still on its way."""
    with suppress(ConnectionError):
        client.sendall(request)
        return client.recv(100)
    return b""


def test_large_bodies_on_their_way_are_bounded_and_selfies_get_in_all_the_same() -> None:
    app, size = Reader(), 6 * READ_AHEAD_BYTES
    app.may_read.set()

    def connect(first: socket.socket) -> socket.socket:
        return socket.create_connection(first.getpeername(), timeout=10)

    with served(app) as first, connect(first) as second, connect(first) as selfie, connect(first) as third:
        first.sendall(head(size) + b"x" * (5 * READ_AHEAD_BYTES))
        assert within(10, lambda: sum(app.pieces) > 4 * READ_AHEAD_BYTES)
        assert answer_to(second, head(size) + b"x" * (4 * READ_AHEAD_BYTES))[:12] in {b"HTTP/1.1 503", b""}
        selfie.sendall(head(330_000) + b"x" * 330_000)
        assert selfie.recv(100).startswith(b"HTTP/1.1 204")
        first.sendall(b"x" * READ_AHEAD_BYTES)
        assert first.recv(100).startswith(b"HTTP/1.1 204")
        third.sendall(head(size) + b"x" * size)
        assert third.recv(100).startswith(b"HTTP/1.1 204"), "what has ended takes no room"
