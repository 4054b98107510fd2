"""Who works on which picture: one thread again and again while that will do, and no more of them than cores."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import pytest

from frontend.errors import Overloaded
from frontend.shared_count import SharedCount, shared_counts
from frontend.warm_threads import KEPT_BACK_S, MANY_WAIT, WarmThreads

Result = TypeVar("Result")
WORK_S = 0.05


def with_threads(
    use: Callable[[WarmThreads], Awaitable[Result]],
    at_work: SharedCount | None = None,
    *,
    threads: int = 3,
    cores: int = 2,
) -> Result:
    """What `use` makes of fresh threads, which are closed afterwards."""

    async def run() -> Result:
        pool = WarmThreads(threads, at_work or shared_counts(1)[0], cores)
        try:
            return await use(pool)
        finally:
            await pool.close()

    return asyncio.run(run())


def this_thread() -> str:
    return threading.current_thread().name


def worked_on() -> str:
    time.sleep(WORK_S)
    return this_thread()


async def all_at_once(pool: WarmThreads, works: int) -> list[str]:
    return await asyncio.gather(*(pool.run(worked_on) for _ in range(works)))


def test_what_comes_one_by_one_is_worked_on_by_the_same_thread() -> None:
    async def two_at_once_then_one_by_one(pool: WarmThreads) -> set[str]:
        await all_at_once(pool, 2)
        return {await pool.run(this_thread) for _ in range(500)}

    assert len(with_threads(two_at_once_then_one_by_one)) == 1


@pytest.mark.parametrize(
    ("elsewhere", "expected"), [([], 2), ([1], 1), ([2], 1), ([0, 0], 2)], ids=["alone", "one", "two", "idle"]
)
def test_no_more_threads_work_than_the_cores_that_others_leave_but_always_one(
    elsewhere: list[int], expected: int
) -> None:
    mine, *others = shared_counts(1 + len(elsewhere))
    for count, number in zip(others, elsewhere, strict=True):
        count.tell(number)
    used = with_threads(lambda pool: all_at_once(pool, 6), mine)
    assert len(used) == 6
    assert len(set(used)) == expected
    assert mine.total() == sum(elsewhere)


def test_a_second_thread_helps_once_another_process_has_done() -> None:
    mine, other = shared_counts(2)
    other.tell(1)
    together = threading.Barrier(2)

    def the_other_ends() -> str:
        other.tell(0)
        return this_thread()

    def with_help() -> str:
        together.wait(timeout=10)
        return this_thread()

    async def alone_then_with_help(pool: WarmThreads) -> list[str]:
        works = worked_on, the_other_ends, with_help, with_help
        return await asyncio.gather(*map(pool.run, works))

    used = with_threads(alone_then_with_help, mine)
    assert len(set(used[:2])) == 1
    assert len(set(used[2:])) == 2


def test_a_second_thread_rests_once_another_process_works() -> None:
    mine, other = shared_counts(2)
    together = threading.Barrier(2, action=lambda: other.tell(1))

    def until_the_other_begins() -> str:
        together.wait(timeout=10)
        return this_thread()

    async def two_then_alone(pool: WarmThreads) -> list[str]:
        works = until_the_other_begins, until_the_other_begins, *[worked_on] * 4
        return await asyncio.gather(*map(pool.run, works))

    used = with_threads(two_then_alone, mine)
    assert len(set(used[:2])) == 2
    assert len(set(used[2:])) == 1


def is_first_told_meanwhile(before: Sequence[Callable[[], object]], waiting: int, patience_s: float) -> bool:
    """Whether the outcome of the first of these works is told while, after all of them, one more is done and so many
    wait.
    """
    told, all_wait = threading.Event(), threading.Event()

    async def ask_all(pool: WarmThreads) -> bool:
        gate = asyncio.ensure_future(pool.run(lambda: all_wait.wait(timeout=10)))
        first, *others = (asyncio.ensure_future(pool.run(work)) for work in before)
        first.add_done_callback(lambda _: told.set())
        meanwhile = asyncio.ensure_future(pool.run(lambda: told.wait(timeout=patience_s)))
        rest = [asyncio.ensure_future(pool.run(this_thread)) for _ in range(waiting)]
        await asyncio.sleep(0)
        all_wait.set()
        await asyncio.gather(gate, first, *others, *rest)
        return await meanwhile

    return with_threads(ask_all, threads=1)


def test_an_outcome_is_told_at_once_where_few_wait() -> None:
    assert is_first_told_meanwhile([this_thread], MANY_WAIT - 1, patience_s=10)


def test_an_outcome_is_kept_back_for_the_next_where_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frontend.warm_threads.KEPT_BACK_S", 60)  # a busy machine may take longer than the real one
    assert not is_first_told_meanwhile([this_thread], MANY_WAIT, patience_s=0.2)


def test_no_outcome_is_kept_back_for_long() -> None:
    assert is_first_told_meanwhile([this_thread, lambda: time.sleep(1.5 * KEPT_BACK_S)], MANY_WAIT + 5, patience_s=10)


def test_what_is_raised_reaches_who_waits_and_the_thread_lives_on() -> None:
    async def fail_then_work(pool: WarmThreads) -> str:
        with pytest.raises(ZeroDivisionError):
            await pool.run(lambda: 1 // 0)
        return await pool.run(worked_on)

    assert with_threads(fail_then_work)


def test_what_was_cancelled_before_its_turn_is_not_begun() -> None:
    begun: list[int] = []
    cancelled = threading.Event()

    async def cancel_the_second(pool: WarmThreads) -> None:
        first = asyncio.ensure_future(pool.run(lambda: cancelled.wait(timeout=10)))
        second = asyncio.ensure_future(pool.run(lambda: begun.append(2)))
        third = asyncio.ensure_future(pool.run(lambda: begun.append(3)))
        await asyncio.sleep(0)
        second.cancel()
        cancelled.set()
        await asyncio.gather(first, third)

    with_threads(cancel_the_second, threads=1)
    assert begun == [3]


def test_closing_ends_what_was_begun_and_cancels_the_rest() -> None:
    before = threading.active_count()
    begun = threading.Event()

    def begin() -> str:
        begun.set()
        return worked_on()

    async def close_halfway() -> tuple[str, bool, int]:
        pool = WarmThreads(1, shared_counts(1)[0], 2)
        first, second = (asyncio.ensure_future(pool.run(begin)) for _ in range(2))
        await asyncio.to_thread(begun.wait, timeout=10)
        await pool.close()
        with pytest.raises(RuntimeError):
            await pool.run(worked_on)
        await asyncio.wait({first, second})
        return first.result(), second.cancelled(), sum(t.name.startswith("pipeline") for t in threading.enumerate())

    finished, cancelled, left = asyncio.run(close_halfway())
    assert finished.startswith("pipeline")
    assert cancelled
    assert left == 0
    assert threading.active_count() == before


class Refusing(threading.Thread):
    """A thread that cannot be started, as where the machine has no memory or no process number left for it."""

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


def test_a_thread_that_cannot_be_started_costs_no_more_than_its_own_work(monkeypatch: pytest.MonkeyPatch) -> None:
    async def with_two_then_without(pool: WarmThreads) -> tuple[list[object], list[str]]:
        with monkeypatch.context() as short:
            short.setattr("frontend.warm_threads.threading.Thread", Refusing)
            refused = await asyncio.gather(*(pool.run(worked_on) for _ in range(2)), return_exceptions=True)
        return refused, await all_at_once(pool, 6)

    refused, worked = with_threads(with_two_then_without)
    assert [type(error) for error in refused] == [Overloaded, Overloaded]
    assert len(set(worked)) == 2


def test_where_a_second_thread_cannot_be_started_the_first_does_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def with_one(pool: WarmThreads) -> list[str]:
        await pool.run(worked_on)
        with monkeypatch.context() as short:
            short.setattr("frontend.warm_threads.threading.Thread", Refusing)
            return await all_at_once(pool, 4)

    assert len(set(with_threads(with_one))) == 1


def test_work_that_ends_by_stop_iteration_reaches_who_waits() -> None:
    async def run_out(pool: WarmThreads) -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await pool.run(lambda: next(iter(())))

    with_threads(run_out)
