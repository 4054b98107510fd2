"""What is told of each HTTP request, once it is answered, to those who count and log them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OTHER_ROUTE = "other"


@dataclass(frozen=True, slots=True)
class EndedRequest:
    """One request as it was answered; nothing in it is secret, pictorial or personal.

    `route` is the path's pattern, OTHER_ROUTE where the service has no such path, so that it has few values; `path` is
    what the client asked for. `outcome` and `detail` are what `note_outcome` was told, else empty.
    """

    request_id: str
    method: str
    path: str
    route: str
    status: int
    duration_s: float
    outcome: str
    detail: str


def note_outcome(request: Request, outcome: str, detail: str = "") -> None:
    """Say in one word what a request came to, and in `detail`, for the log alone, why."""
    request.state.outcome = outcome
    request.state.detail = detail


class RequestWatch:
    """ASGI middleware, inside of RequestIds: calls `begun` with each request's path, and `ended` once it is over.

    Neither may wait or raise. What is outside of it finds the answer's status as `request.state.status`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        begun: Sequence[Callable[[str], None]] = (),
        ended: Sequence[Callable[[EndedRequest], None]] = (),
    ) -> None:
        self._app = app
        self._begun = begun
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_at_s = time.perf_counter()
        state = scope["state"]
        state["status"] = 500  # what a request is answered with that ends without an answer

        async def watched_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                state["status"] = message["status"]
            await send(message)

        for tell in self._begun:
            tell(scope["path"])
        try:
            await self._app(scope, receive, watched_send)
        finally:
            ended = EndedRequest(
                request_id=state["request_id"],
                method=scope["method"],
                path=scope["path"],
                route=getattr(scope.get("route"), "path", OTHER_ROUTE),
                status=state["status"],
                duration_s=time.perf_counter() - begun_at_s,
                outcome=state.get("outcome", ""),
                detail=state.get("detail", ""),
            )
            for tell_of in self._ended:
                tell_of(ended)
