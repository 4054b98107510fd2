"""Threads for the work of the CPU: the one that worked last begins first, and no more of them than there are cores.

The last one's core still holds in its caches the buffers that it works in. `ThreadPoolExecutor` gives its threads their
turns, so that of two there is always a cold one: 4 to 10 % fewer verdicts for one and two callers on two cores. And it
knows nothing of other processes: where each has a thread a core, pictures that are begun wait for each other half done,
and the slowest of a hundred takes a fifth longer.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from frontend.shared_count import SharedCount

GIVES_WAY_BY = 10
"""Niceness above the process's own: where cores are short the event loop goes first, so that an overloaded service
refuses in milliseconds, answers for its health, and wastes less on what it refuses."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Job(Generic[Result]):
    work: Callable[[], Result]
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Result]"

    def run(self) -> Callable[[], None]:
        """Do the work; returns what tells its outcome to whoever awaits it."""
        try:
            settle = partial(self.done.set_result, self.work())
        except BaseException as error:  # noqa: BLE001  it belongs to whoever awaits the work
            settle = partial(self.done.set_exception, error)
        return partial(self._tell, settle)

    def _tell(self, settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self.loop.call_soon_threadsafe(self._settle, settle)

    def _settle(self, settle: Callable[[], None]) -> None:
        if not self.done.done():
            settle()


class WarmThreads:
    """At most `threads` of them, started when there is work.

    More than one work only while in all processes that share `at_work` fewer do than there are `cores`.
    Belongs to one event loop; `close` it there.
    """

    def __init__(self, threads: int, at_work: SharedCount, cores: int) -> None:
        self._most = threads
        self._at_work = at_work
        self._cores = cores
        self._mutex = threading.Lock()
        self._jobs: deque[_Job[Any]] = deque()
        self._threads: list[threading.Thread] = []
        self._idle: list[threading.Lock] = []
        """What each idle thread waits for, that of the one which worked last at the end."""
        self._closing = False
        self._busy = 0
        self._count_busy(0)

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises, on one of the threads; what is cancelled before is not begun."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        with self._mutex:
            if self._closing:
                raise RuntimeError("the threads were closed")
            self._jobs.append(_Job(work, loop, done))
            self._begin()
        return await done

    async def close(self) -> None:
        """Let what was begun come to its end, and cancel what was not; afterwards there are no threads."""
        with self._mutex:
            self._closing = True
            waiting, self._jobs = self._jobs, deque()
            while self._idle:
                self._idle.pop().release()
        for job in waiting:
            job.done.cancel()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    # With the mutex held

    def _begin(self) -> None:
        """Have one more thread at work, where there is something to do and a core to do it on."""
        if not self._jobs or self._busy == self._most or (self._busy and self._at_work.total() >= self._cores):
            return
        self._count_busy(1)
        if self._idle:
            self._idle.pop().release()
        else:
            thread = threading.Thread(target=self._serve, name=f"pipeline_{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _is_one_too_many(self) -> bool:
        return self._busy > 1 and self._at_work.total() > self._cores

    def _count_busy(self, change: int) -> None:
        self._busy += change
        self._at_work.tell(self._busy)

    # On the threads

    def _serve(self) -> None:
        os.nice(GIVES_WAY_BY)  # the thread's own on Linux: nice(2), "C library/kernel differences"
        turn = threading.Lock()
        turn.acquire()
        while not self._closing:
            job = self._take(turn)
            while job:
                job = self._do(job, turn)
            turn.acquire()

    def _do(self, job: _Job[Any], turn: threading.Lock) -> _Job[Any] | None:
        """Do one, and return the next. It is taken before the outcome is told, so that who asks for more on hearing it
        finds this thread idle.
        """
        tell = job.run()
        following = self._take(turn)
        tell()
        return following

    def _take(self, turn: threading.Lock) -> _Job[Any] | None:
        """A job to do; where there is none for this thread, it is idle until its `turn`."""
        with self._mutex:
            while self._jobs and not self._is_one_too_many():
                job = self._jobs.popleft()
                if not job.done.cancelled():
                    self._begin()
                    return job
            self._count_busy(-1)
            self._idle.append(turn)
            if self._closing:
                turn.release()
            return None
