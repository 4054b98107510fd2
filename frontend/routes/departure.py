"""Whether a caller is still there, while its answer is being made."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import Request


@contextmanager
def watched_departure(request: Request) -> Iterator[Callable[[], bool]]:
    """Tells whether the caller went away; to be entered once the body is read."""
    departure = asyncio.ensure_future(request.receive())  # behind the body, the next message is the disconnect
    try:
        yield departure.done
    finally:
        departure.cancel()
