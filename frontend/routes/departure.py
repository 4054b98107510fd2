"""Whether a caller is still there, while its answer is being made."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import Request

HUNG_UP = "hung_up"
"""Where the request's state holds what tells it of the connection itself."""


@contextmanager
def watched_departure(request: Request) -> Iterator[Callable[[], bool]]:
    """Tells whether the caller went away; to be entered once the body is read."""
    departure = asyncio.ensure_future(request.receive())  # behind the body, the next message is the disconnect
    hung_up: Callable[[], bool] = getattr(request.state, HUNG_UP, lambda: False)
    try:
        yield lambda: departure.done() or hung_up()
    finally:
        departure.cancel()
