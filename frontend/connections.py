"""Clients' connections, each thing that a client does on them within a time: nobody slow holds anything for long.

uvicorn itself bounds only the pause between two requests.
"""

# ruff: noqa: D102  asyncio, uvicorn and httptools document the methods

import asyncio
import select
import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from frontend.errors import HeadTooLarge, LivenessError, MalformedRequest, Overloaded, RequestTooSlow
from frontend.routes.answers import CUT_OFF_AS, raw_answer
from frontend.routes.departure import HUNG_UP
from frontend.routes.request_id import new_request_id
from frontend.stopping import Stopping

MAX_HEAD_BYTES = 64 * 1024
"""Of a head, and of what stands beside a body's bytes: the sizes and extensions of chunks, and trailers."""
READ_AHEAD_BYTES = 1024 * 1024
"""Of a body, what is gathered before the application is woken, unless the body has ended: a selfie comes in one piece.
uvicorn wakes it, and stops reading until it has run, for every 64 KiB."""
MAX_PIPELINED = 64
"""Requests on a connection that are not answered yet. No client that we know has more than one; 14,000 fit into what is
read at once, and nobody else is served meanwhile."""
MAX_TARGET_BYTES = 65_535
"""Longer ones httptools cannot take apart."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be in a process, what they may hold, and how long a client may take.

    While the bodies that have not arrived whole are more than `max_arriving_bytes` together, those of them that have
    come to more than READ_AHEAD_BYTES are refused as they go on: anybody may send one, and selfies are shorter.
    `header_timeout_s` runs from the opening of the connection or the first byte of a request to the end of its head,
    `body_timeout_s` from there to the end of its body, and `response_timeout_s` while the client leaves unread more
    of the answers than the network holds.
    """

    max_connections: int
    max_arriving_bytes: int
    header_timeout_s: float
    body_timeout_s: float
    response_timeout_s: float
    retry_after_s: int


class Awaited(Enum):
    """What the client has to send next; NOTHING while it has a request with us, or rests between two."""

    HEAD = "head"
    BODY = "body"
    NOTHING = "nothing"


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol within `ConnectionLimits`.

    The application's lifespan state holds them as "connection_limits", under "stopping" whether the process stops, from
    when on a connection is closed after its answer, and as "connection_refused" what is called with the error that has
    ended a connection without a request. What is no HTTP is answered with 400, a request that is too slow with 408, one
    with too long a head with 431, a connection too many with 503; a client that does not read is cut off.

    A request to change to another protocol is served as if it were none (RFC 9110, 7.8), body included, which httptools
    would take for the next request; trailers are dropped, which it would take for headers (RFC 9110, 6.5.1).
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits: ConnectionLimits = app_state["connection_limits"]
        self._stopping: Stopping = app_state["stopping"]
        self._told: Callable[[type[LivenessError]], None] = app_state["connection_refused"]
        self._awaited = self._timed = Awaited.NOTHING
        self._sending: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None
        self.arriving_bytes = 0
        self._bytes_beside_body = 0
        self._body_came = False
        self._message_ended = False
        self._unanswered: list[RequestResponseCycle] = []
        self.url = b""

    # What the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        if self.client:  # IPv4 as it is written in settings, though a socket of "::" tells it as IPv6
            self.client = self.client[0].removeprefix("::ffff:"), self.client[1]
        if len(self.connections) > self._limits.max_connections:
            self._refuse(Overloaded)
        else:
            self._await(Awaited.HEAD)

    def data_received(self, data: bytes) -> None:
        self._message_ended = self._body_came = False
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:
            self._refuse(HeadTooLarge if len(self.url) > MAX_TARGET_BYTES else MalformedRequest)
            return
        if self._awaited is Awaited.HEAD:
            self._bytes_beside_body += 0 if self._message_ended else len(data)  # what ended was no part of this head
        elif self._awaited is Awaited.BODY:
            self._bytes_beside_body += 0 if self._body_came else len(data)
        elif self._rests_unwatched():
            self._awaited = Awaited.HEAD
            self._bytes_beside_body = 0  # these bytes may be the end of a body that was answered before it was read
        if self._awaited is not self._timed:
            self._await(self._awaited)
        if self._bytes_beside_body > MAX_HEAD_BYTES:
            self._refuse(HeadTooLarge)
        elif self.arriving_bytes > READ_AHEAD_BYTES and self._all_arriving_bytes() > self._limits.max_arriving_bytes:
            self._refuse(Overloaded)

    def connection_lost(self, exc: Exception | None) -> None:
        self._await(Awaited.NOTHING)
        self._stop_timing_answer()
        for cycle in self._requests_unanswered():  # uvicorn tells the last one alone
            cycle.disconnected = True
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._time_answer()

    def resume_writing(self) -> None:
        if not self.transport.is_closing():  # else the rest too has to be read in time
            self._stop_timing_answer()
        super().resume_writing()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():  # once the client has read the rest, for which it has a time
            self._time_answer()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self._cut_off()  # a close would wait for a client that does not read
        else:
            super().timeout_keep_alive_handler()

    # What the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][HUNG_UP] = self._has_hung_up
        self._awaited = Awaited.HEAD
        self.arriving_bytes = 0
        self._bytes_beside_body = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._awaited is Awaited.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        if any(name == b"transfer-encoding" and value.lower() != b"chunked" for name, value in self.headers):
            raise httptools.HttpParserError("another coding of the body than chunks")
        if self.parser.get_http_version() == "1.0":
            self.expect_100_continue = False  # RFC 9110, 10.1.1
        super().on_headers_complete()
        self._awaited = Awaited.BODY
        self._bytes_beside_body = 0
        self._unanswered = [*self._requests_unanswered(), self.cycle]
        if len(self._unanswered) > MAX_PIPELINED:
            raise httptools.HttpParserError("too many requests at once")
        if self._stopping.begun:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        self._body_came = True
        self._bytes_beside_body = 0
        cycle = self.cycle
        self.arriving_bytes = 0 if cycle is None or cycle.response_complete else self.arriving_bytes + len(body)
        if cycle is None or cycle.response_complete or len(cycle.body) + len(body) > READ_AHEAD_BYTES:
            super().on_body(body)
        else:
            cycle.body += body

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._awaited = Awaited.NOTHING
        self.arriving_bytes = 0
        self._message_ended = True

    def _all_arriving_bytes(self) -> int:
        return sum(other.arriving_bytes for other in self.connections if isinstance(other, BoundedHttp))

    # Other protocols

    def _parse(self, data: bytes) -> None:
        rest = memoryview(data)
        while end_of_head := self._parse_to_upgrade(rest):
            if self.parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("a tunnel")
            head, rest = self._head_without_upgrade(), rest[end_of_head:]
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
            self.parser.feed_data(head)

    def _parse_to_upgrade(self, data: memoryview) -> int:
        """Where the first head ends that asks for another protocol; 0, and all is parsed, where none does."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as found:
            return int(found.args[0])
        return 0

    def _head_without_upgrade(self) -> bytes:
        request = b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())
        headers = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        return b"\r\n".join([request, *headers, b"", b""])

    # Time

    def _await(self, what: Awaited) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        self._awaited = self._timed = what
        if what is not Awaited.NOTHING:
            limits = self._limits
            timeout_s = limits.header_timeout_s if what is Awaited.HEAD else limits.body_timeout_s
            self._reading = self.loop.call_later(timeout_s, self._refuse, RequestTooSlow)

    def _rests_unwatched(self) -> bool:
        """Whether uvicorn has dropped its own timer for bytes that began no request, or that came after the answer."""
        return self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete)

    def _time_answer(self) -> None:
        if self._sending is None:
            self._sending = self.loop.call_later(self._limits.response_timeout_s, self._cut_off)

    def _stop_timing_answer(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _requests_unanswered(self) -> "list[RequestResponseCycle]":
        return [cycle for cycle in self._unanswered if not cycle.response_complete]

    def _has_hung_up(self) -> bool:
        """Whether the client has ended the connection, also where the event loop has not come to read that yet.

        Nothing is answered on it any more then. For any thread.
        """
        if self.transport.is_closing():
            return True
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLRDHUP)
        if not poll.poll(0):
            return False
        for cycle in self._requests_unanswered():
            cycle.disconnected = True
        self.loop.call_soon_threadsafe(self.transport.abort)
        return True

    def _cut_off(self) -> None:
        """End the connection at once: the kernel too drops what the client has left unread, megabytes maybe."""
        socket = self.transport.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _refuse(self, error_type: type[LivenessError]) -> None:
        """End the connection, with an answer unless there is, or will be, one on it that this would be mistaken for."""
        answered_already = self._awaited is Awaited.BODY
        self._await(Awaited.NOTHING)
        if self.transport.is_closing():
            return
        unanswered = self._requests_unanswered()
        if not unanswered and not answered_already:
            self._told(error_type)
            self.transport.write(raw_answer(error_type, self._limits.retry_after_s, new_request_id()))
        elif len(unanswered) == 1 and unanswered[0].more_body and not self.cycle.response_started:
            state = unanswered[0].scope["state"]
            state[CUT_OFF_AS] = error_type
            request_id = state.setdefault("request_id", new_request_id())
            self.transport.write(raw_answer(error_type, self._limits.retry_after_s, request_id))
        self.transport.close()
        self._time_answer()
