"""Permits: how many requests are judged at once, whose turn is next, and when it is no use to wait."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from frontend.errors import Overloaded

PACE_WEIGHT = 0.1
"""Of the newest interval in the moving average of the time between two releases."""
PACE_MARGIN = 2
"""By how much the pace may fall before one who was let into the queue waits in vain."""


class Admission:
    """At most `max_in_flight` permits; who finds none waits up to `wait_s` for its turn, or gets Overloaded at once.

    At once, that is where waiting would be in vain: a quarter as many places to wait as there are permits are taken, or
    at the pace of the latest releases the turn would not come in time. So what is accepted is answered in little more
    time than without a queue, and what is not learns it immediately.

    The permits are shared out fairly among the keys that ask (max-min fairness): a free one goes to the waiting key
    that holds the fewest, and where no place to wait is left the latest comer of the greediest key gives way to a key
    that has less. A key alone may have them all, up to `max_share_per_key` of them.

    Belongs to one event loop.
    """

    def __init__(self, max_in_flight: int, wait_s: float, max_share_per_key: float = 1.0) -> None:
        self._free = max_in_flight
        self._max_per_key = max(1, int(max_in_flight * max_share_per_key))
        self._max_waiting = (max_in_flight + 3) // 4
        self._wait_s = wait_s
        self._held: dict[Hashable, int] = {}
        self._queues: dict[Hashable, deque[asyncio.Future[None]]] = {}
        self._waiting = 0
        self._pace_s = 0.0
        self._moved_at_s = 0.0
        self._paced = False

    @asynccontextmanager
    async def permit(self, key: Hashable) -> AsyncIterator[None]:
        """Hold a permit for this key; raises Overloaded."""
        if self._free and self._held.get(key, 0) < self._max_per_key:
            self._take(key)
        else:
            await self._wait_for_turn(key)
        try:
            yield
        finally:
            self._release(key)

    async def _wait_for_turn(self, key: Hashable) -> None:
        loop = asyncio.get_running_loop()
        if self._is_in_vain(loop.time()):
            self._make_room_for(key)
        turn: asyncio.Future[None] = loop.create_future()
        self._queues.setdefault(key, deque()).append(turn)
        self._waiting += 1
        timer = loop.call_later(self._wait_s, self._turn_away, key, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._leave(key, turn)
            elif turn.exception() is None:  # the permit and the cancellation came at the same moment
                self._release(key)
            raise
        finally:
            timer.cancel()

    def _is_in_vain(self, now_s: float) -> bool:
        stands_still = now_s - self._moved_at_s > self._wait_s
        foreseen_s = (self._waiting + 1) * self._pace_s
        return stands_still or self._waiting >= self._max_waiting or PACE_MARGIN * foreseen_s > self._wait_s

    def _make_room_for(self, key: Hashable) -> None:
        greediest = max(self._queues, key=self._demand_of, default=key)
        if self._demand_of(greediest) <= self._demand_of(key) + 1:
            raise Overloaded("no permit, and waiting for one would be in vain")
        self._turn_away(greediest, self._queues[greediest][-1])

    def _demand_of(self, key: Hashable) -> int:
        return self._held.get(key, 0) + len(self._queues.get(key, ()))

    def _turn_away(self, key: Hashable, turn: "asyncio.Future[None]") -> None:
        if not turn.done():
            self._leave(key, turn)
            turn.set_exception(Overloaded("no permit in time, or the place was needed for a key that has fewer"))

    def _leave(self, key: Hashable, turn: "asyncio.Future[None]") -> None:
        self._queues[key].remove(turn)
        self._waiting -= 1
        if not self._queues[key]:
            del self._queues[key]

    def _take(self, key: Hashable) -> None:
        self._free -= 1
        self._held[key] = self._held.get(key, 0) + 1
        self._moved_at_s = asyncio.get_running_loop().time()

    def _release(self, key: Hashable) -> None:
        self._free += 1
        self._held[key] -= 1
        if not self._held[key]:
            del self._held[key]
        now_s = asyncio.get_running_loop().time()
        if self._waiting and self._paced:
            self._pace_s += PACE_WEIGHT * (now_s - self._moved_at_s - self._pace_s)
        self._paced = self._waiting > 0
        self._moved_at_s = now_s
        self._hand_over()

    def _hand_over(self) -> None:
        while self._free and (key := self._next_key()) is not None:
            turn = next(turn for turn in self._queues[key] if not turn.done())
            self._leave(key, turn)
            self._take(key)
            turn.set_result(None)

    def _next_key(self) -> Hashable | None:
        able = (
            key
            for key, queue in self._queues.items()
            if self._held.get(key, 0) < self._max_per_key and not all(turn.done() for turn in queue)
        )
        return min(able, key=lambda key: self._held.get(key, 0), default=None)
