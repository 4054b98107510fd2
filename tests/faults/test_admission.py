"""Whose turn is next, and who is turned away, by the order in which permits are asked for and given back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from frontend.admission import Admission
from frontend.errors import Overloaded


def play(scene: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(scene(), 10))


async def hold(admission: Admission, key: str, done: asyncio.Event, log: list[str]) -> None:
    async with admission.permit(key):
        log.append(key)
        await done.wait()


def test_a_freed_permit_goes_to_the_key_that_holds_the_fewest() -> None:
    async def scene() -> None:
        admission, log = Admission(8, 5), []
        ends = [asyncio.Event() for _ in range(8)]
        holders = [asyncio.ensure_future(hold(admission, "greedy", end, log)) for end in ends]
        await asyncio.sleep(0)
        waiting = [asyncio.ensure_future(hold(admission, key, ends[0], log)) for key in ("greedy", "modest")]
        await asyncio.sleep(0)
        ends[1].set()
        await asyncio.sleep(0.01)
        assert log == ["greedy"] * 8 + ["modest"], "though the greedy key had waited for longer"
        for end in ends:
            end.set()
        await asyncio.gather(*holders, *waiting)

    play(scene)


def test_the_last_of_the_greedy_gives_way_where_no_place_is_left() -> None:
    async def scene() -> None:
        admission, log, end = Admission(8, 5), [], asyncio.Event()
        greedy = [asyncio.ensure_future(hold(admission, "greedy", end, log)) for _ in range(10)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await hold(admission, "greedy", end, log)
        modest = asyncio.ensure_future(hold(admission, "modest", end, log))
        await asyncio.sleep(0.01)
        assert [task.done() for task in greedy] == [False] * 9 + [True]
        end.set()
        outcomes = await asyncio.gather(*greedy, modest, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes].count(Overloaded) == 1
        assert outcomes[-1] is None

    play(scene)


def test_a_key_holds_no_more_than_its_share() -> None:
    async def scene() -> None:
        admission, log, end = Admission(4, 0.05, max_share_per_key=0.5), [], asyncio.Event()
        tasks = [asyncio.ensure_future(hold(admission, "greedy", end, log)) for _ in range(3)]
        tasks += [asyncio.ensure_future(hold(admission, "modest", end, log)) for _ in range(2)]
        await asyncio.sleep(0.02)
        assert sorted(log) == ["greedy"] * 2 + ["modest"] * 2
        with pytest.raises(Overloaded):
            await tasks[2]
        end.set()
        await asyncio.gather(*tasks[:2], *tasks[3:])

    play(scene)


def test_nobody_waits_where_nothing_has_moved_for_as_long_as_one_may_wait() -> None:
    async def scene() -> None:
        admission, log, end = Admission(2, 0.5), [], asyncio.Event()
        holders = [asyncio.ensure_future(hold(admission, "a", end, log)) for _ in range(2)]
        await asyncio.sleep(0.55)
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(Overloaded):
            await hold(admission, "b", end, log)
        assert asyncio.get_running_loop().time() - begun_s < 0.4
        end.set()
        await asyncio.gather(*holders)

    play(scene)


def test_permits_of_those_who_are_cancelled_come_back() -> None:
    async def scene() -> None:
        admission, log, end = Admission(2, 5), [], asyncio.Event()
        for _ in range(50):
            tasks = [asyncio.ensure_future(hold(admission, "a", end, log)) for _ in range(3)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            tasks[2].cancel()
            await asyncio.gather(tasks[0], tasks[2], return_exceptions=True)
            tasks[1].cancel()
            await asyncio.gather(tasks[1], return_exceptions=True)
        async with AsyncExitStack() as both:
            await both.enter_async_context(admission.permit("a"))
            await both.enter_async_context(admission.permit("b"))
            waiting = asyncio.ensure_future(hold(admission, "c", end, log))
            await asyncio.sleep(0.01)
            assert not waiting.done(), "the places of those who left the queue are free too"
        end.set()
        await waiting

    play(scene)
