"""Permits: how many requests are judged at once, and how long one waits for its turn."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from frontend.errors import Overloaded


class Admission:
    """At most `max_in_flight` holders at once; whoever waits longer than `wait_s` is turned away with Overloaded.

    A bounded wait in place of a queue without end keeps the latency of what is accepted bounded too. The queue
    is as long as the permits are many: who finds it full is turned away at once.
    """

    def __init__(self, max_in_flight: int, wait_s: float) -> None:
        self._permits = anyio.Semaphore(max_in_flight)
        self._max_waiting = max_in_flight
        self._waiting = 0
        self._wait_s = wait_s

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[None]:
        """Hold a permit; raises Overloaded."""
        await self._acquire()
        try:
            yield
        finally:
            self._permits.release()

    async def _acquire(self) -> None:
        if self._permits.value > 0 and self._waiting == 0:
            self._permits.acquire_nowait()
            return
        if self._waiting >= self._max_waiting:
            raise Overloaded("no permit, and no place to wait for one")
        self._waiting += 1
        try:
            with anyio.fail_after(self._wait_s):
                await self._permits.acquire()
        except TimeoutError:
            raise Overloaded(f"no permit within {self._wait_s} s") from None
        finally:
            self._waiting -= 1
