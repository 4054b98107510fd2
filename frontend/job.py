"""Work that an event loop hands to a thread, and the way back of what came of it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Generic, TypeVar

Result = TypeVar("Result")

Outcome = Callable[[], None]
"""What came of a job; called in the event loop, it is whoever awaits the job that has it."""


class Job(Generic[Result]):
    """`work`, to be run on a thread while its outcome is awaited in `loop`; make it there."""

    __slots__ = ("_awaited", "_work")

    def __init__(self, work: Callable[[], Result], loop: asyncio.AbstractEventLoop) -> None:
        self._work = work
        self._awaited: asyncio.Future[Result] = loop.create_future()

    # In the event loop

    async def result(self, timeout_s: float | None = None) -> Result:
        """What the work returns or raises; raises asyncio.TimeoutError when it takes longer."""
        if timeout_s is None:
            return await self._awaited
        timer = self._awaited.get_loop().call_later(timeout_s, self._give_up)
        try:
            return await self._awaited
        finally:
            timer.cancel()

    def cancel(self) -> None:
        """Cancel whoever awaits it."""
        self._awaited.cancel()

    def _give_up(self) -> None:
        if not self._awaited.done():
            self._awaited.set_exception(asyncio.TimeoutError())

    # On the thread

    def is_given_up(self) -> bool:
        """Whether nobody awaits it any more, so that it need not be begun."""
        return self._awaited.done()

    def run(self) -> Outcome:
        """Do the work."""
        try:
            settle = partial(self._awaited.set_result, self._work())
        except StopIteration as error:  # no future takes one
            settle = partial(self._awaited.set_exception, RuntimeError(f"the work ended by {error!r}"))
        except BaseException as error:  # noqa: BLE001  it belongs to whoever awaits the work
            settle = partial(self._awaited.set_exception, error)
        return partial(_unless_done, self._awaited, settle)


def tell(outcomes: Sequence[Outcome], loop: asyncio.AbstractEventLoop) -> None:
    """Hand them to those who await them, from any thread and with one waking of the event loop."""
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_call_all, outcomes)


def _unless_done(awaited: "asyncio.Future[Result]", settle: Callable[[], None]) -> None:
    if not awaited.done():
        settle()


def _call_all(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        outcome()
