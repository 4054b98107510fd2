"""Kept HTTP connections to Triton, for the one request that is made for every verdict.

Such a request costs the event loop 0.3 to 0.4 ms of a core here, 0.6 ms by aiohttp, and 0.8 ms by
`tritonclient.http.aio`, which stands on aiohttp: some 4 % of all that a verdict costs. What goes over the wire is
KServe's inference protocol, version 2, with Triton's binary tensor data extension; HTTP itself is parsed by httptools,
the parser under uvicorn.
"""

import asyncio
from collections.abc import Sequence
from typing import cast

import httptools

MAX_ANSWER_BYTES = 64 * 1024


class BadAnswer(Exception):
    """What came back is not HTTP, is cut short, or is larger than any answer of Triton's to one crop."""


class TritonConnections:
    """Connections to a port of a host, opened when all others are in use, and kept.

    Belongs to the event loop in which it is used; `close` it there.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._idle: list[_Connection] = []

    def close(self) -> None:
        """Close the connections that nobody uses; those in use are closed when their exchange ends."""
        while self._idle:
            self._idle.pop().abort()
        self._idle = _NeverKept()

    async def exchange(
        self, request: Sequence[bytes | memoryview], timeout_s: float
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        """Send the pieces of one request: the status, the headers (names in lower case) and the body of the answer.

        `timeout_s` bounds all of it, connecting included. A kept connection that turns out to be closed is replaced:
        an inference may be asked for twice. Raises OSError, asyncio.TimeoutError and BadAnswer. Cancelled, it closes
        the connection.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while self._idle:
            connection = self._idle.pop()
            try:
                return await self._exchange_on(connection, request, deadline_s)
            except ConnectionError:
                continue
        connecting = loop.create_connection(_Connection, self._host, self._port)
        _, connection = await asyncio.wait_for(connecting, max(0.0, deadline_s - loop.time()))
        return await self._exchange_on(connection, request, deadline_s)

    async def _exchange_on(
        self, connection: "_Connection", request: Sequence[bytes | memoryview], deadline_s: float
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        try:
            answer = await connection.exchange(request, deadline_s)
        except BaseException:
            connection.abort()
            raise
        if connection.may_be_kept():
            self._idle.append(connection)
        else:
            connection.abort()
        return answer


class _NeverKept(list["_Connection"]):
    """What a closed pool keeps connections in: an exchange that ends later closes its own."""

    def append(self, connection: "_Connection") -> None:
        connection.abort()


class _Connection(asyncio.Protocol):
    """One connection, one exchange at a time; httptools calls the methods named `on_…`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] | None = None

    # What the pool calls

    async def exchange(
        self, request: Sequence[bytes | memoryview], deadline_s: float
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("closed while it was kept")
        loop = asyncio.get_running_loop()
        self._answered = loop.create_future()
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[bytes, bytes] = {}
        self._body = b""
        self._kept_by_server = False
        self._transport.writelines(request)
        timer = loop.call_at(deadline_s, self._fail, asyncio.TimeoutError())
        try:
            await self._answered
        finally:
            timer.cancel()
        return self._parser.get_status_code(), self._headers, self._body

    def may_be_kept(self) -> bool:
        return self._kept_by_server and self._transport is not None and not self._transport.is_closing()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if self._answered is None or self._answered.done():
            self.abort()  # nothing was asked for
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(BadAnswer(f"not HTTP: {type(error).__name__}"))

    def connection_lost(self, error: Exception | None) -> None:
        begun = bool(self._answered and (self._headers or self._body))
        self._fail(BadAnswer("cut short") if begun else ConnectionResetError("closed without an answer"))

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > MAX_ANSWER_BYTES:
            self._fail(BadAnswer("too large"))

    def on_message_complete(self) -> None:
        self._kept_by_server = self._parser.should_keep_alive()  # afterwards the parser has forgotten
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)
        self.abort()
