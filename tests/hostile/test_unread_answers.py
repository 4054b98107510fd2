"""A client that does not read its answers loses its connection in time, one that is being closed already too."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn

from frontend.connections import ConnectionLimits
from tests.conftest import within
from tests.hostile.bounded import lifespan, serving

RESPONSE_TIMEOUT_S = 0.5
PIECE = 32 * 1024
LIMITS = ConnectionLimits(
    max_connections=8,
    max_arriving_bytes=1024 * 1024,
    header_timeout_s=60,
    body_timeout_s=60,
    response_timeout_s=RESPONSE_TIMEOUT_S,
    retry_after_s=1,
)


class Talker:
    """An application whose answer is a little longer than the network holds, by less than what makes uvicorn wait."""

    def __init__(self, *, closes: bool) -> None:
        self._headers = [(b"connection", b"close")] if closes else []
        self.answered = False
        self.server: uvicorn.Server

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await lifespan(LIMITS, scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        (connection,) = self.server.server_state.connections
        while not connection.transport.get_write_buffer_size():
            await send({"type": "http.response.body", "body": b"x" * PIECE, "more_body": True})
            await asyncio.sleep(0.005)
        await send({"type": "http.response.body"})
        self.answered = True


@contextmanager
def connected(app: Talker) -> Iterator[socket.socket]:
    """A client of the application that never reads."""
    with serving(app, timeout_keep_alive=60) as (app.server, address), socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(address)
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert within(20, lambda: app.answered)
        yield client


@pytest.mark.parametrize("refused", [False, True], ids=["answered for the last time", "refused"])
def test_a_connection_that_ends_waits_no_longer_for_its_client(refused: bool) -> None:
    app = Talker(closes=not refused)
    with connected(app) as client:
        if refused:
            client.sendall(b"\x16\x03\x01 is no HTTP")
        assert within(RESPONSE_TIMEOUT_S + 5, lambda: not app.server.server_state.connections)
