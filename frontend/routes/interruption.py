"""What is answered when the service stops before a request has come to its end."""

import asyncio

from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from frontend.errors import Interrupted
from frontend.routes.answers import error_answer


class Interruption:
    """ASGI middleware, inside of RequestWatch: an answer in place of the cancellation by which uvicorn ends a request.

    uvicorn cancels what is still under way at the deadline of a stop, wherever it is at that moment.
    """

    def __init__(self, app: ASGIApp, *, retry_after_s: int) -> None:
        self._app = app
        self._retry_after_s = retry_after_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3)."""
        answered = scope["type"] != "http"

        async def watched_send(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except asyncio.CancelledError:
            if answered:
                raise
            error = Interrupted("the service stopped while the request was under way")
            await error_answer(Request(scope), error, self._retry_after_s)(scope, receive, send)
