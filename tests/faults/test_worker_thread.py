"""Blocking calls on a thread: in the order of asking, no longer than asked for, and none that nobody awaits."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from frontend.worker_thread import WorkerThread

Result = TypeVar("Result")
PATIENCE_S = 10


def with_thread(use: Callable[[WorkerThread], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        thread = WorkerThread("blocking")
        try:
            return await use(thread)
        finally:
            thread.end()

    return asyncio.run(run())


def test_calls_are_done_in_the_order_of_asking() -> None:
    done: list[int] = []

    async def ask_five(thread: WorkerThread) -> None:
        await asyncio.gather(*(thread.run(lambda n=number: done.append(n), PATIENCE_S) for number in range(5)))

    with_thread(ask_five)
    assert done == [0, 1, 2, 3, 4]


def test_what_is_raised_reaches_who_waits_and_the_thread_lives_on() -> None:
    async def fail_then_work(thread: WorkerThread) -> int:
        with pytest.raises(ZeroDivisionError):
            await thread.run(lambda: 1 // 0, PATIENCE_S)
        return await thread.run(lambda: 7, PATIENCE_S)

    assert with_thread(fail_then_work) == 7


@pytest.mark.parametrize("given_up_by", [asyncio.TimeoutError, asyncio.CancelledError])
def test_what_was_given_up_before_its_turn_is_not_begun(given_up_by: type[BaseException]) -> None:
    begun: list[int] = []
    given_up = threading.Event()

    async def give_up_the_second(thread: WorkerThread) -> None:
        first = asyncio.ensure_future(thread.run(lambda: given_up.wait(PATIENCE_S), PATIENCE_S))
        await asyncio.sleep(0)
        timeout_s = 0.01 if given_up_by is asyncio.TimeoutError else PATIENCE_S
        second = asyncio.ensure_future(thread.run(lambda: begun.append(2), timeout_s))
        third = asyncio.ensure_future(thread.run(lambda: begun.append(3), PATIENCE_S))
        await asyncio.sleep(0)
        if given_up_by is asyncio.CancelledError:
            second.cancel()
        with pytest.raises(given_up_by):
            await second
        given_up.set()
        await asyncio.gather(first, third)

    with_thread(give_up_the_second)
    assert begun == [3]


def test_the_thread_ends_after_what_it_was_asked() -> None:
    async def work_and_name(thread: WorkerThread) -> threading.Thread:
        return await thread.run(threading.current_thread, PATIENCE_S)

    used = with_thread(work_and_name)
    used.join(PATIENCE_S)
    assert not used.is_alive()
