"""Threads for the work of the CPU: the one that worked last begins first, and no more of them than there are cores.

The last one's core still holds in its caches the buffers that it works in. `ThreadPoolExecutor` gives its threads their
turns, so that of two there is always a cold one: 4 to 10 % fewer verdicts for one and two callers on two cores. And it
knows nothing of other processes: where each has a thread a core, pictures that are begun wait for each other half done,
and the slowest of a hundred takes a fifth longer.
"""

import asyncio
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from frontend.errors import Overloaded
from frontend.job import Job, Outcome, tell
from frontend.shared_count import SharedCount

GIVES_WAY_BY = 10
"""Niceness above the process's own: where cores are short the event loop goes first, so that an overloaded service
refuses in milliseconds, answers for its health, and wastes less on what it refuses."""
MANY_WAIT = 3
"""With so many jobs to do, an outcome is kept back to be told with the next ones. Each time that the event loop is
woken it finds the caches full of pictures, and so does all that follows: what two or three outcomes bring about costs
little more than what one does. At saturation that is 4 to 7 % more verdicts a second."""
KEPT_BACK_S = 0.02
"""No outcome is kept back for one more job once the first is so old: the time for some four selfies."""

logger = logging.getLogger(__name__)
Result = TypeVar("Result")


class WarmThreads:
    """At most `threads` of them, started when there is work.

    More than one work only while in all processes that share `at_work` fewer do than there are `cores`.
    Belongs to the event loop that it is made in; `close` it there.
    """

    def __init__(self, threads: int, at_work: SharedCount, cores: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._most = threads
        self._at_work = at_work
        self._cores = cores
        self._mutex = threading.Lock()
        self._jobs: deque[Job[Any]] = deque()
        self._threads: list[threading.Thread] = []
        self._idle: list[threading.Lock] = []
        """What each idle thread waits for, that of the one which worked last at the end."""
        self._closing = False
        self._busy = 0
        self._count_busy(0)

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises, on one of the threads; what is cancelled before is not begun.

        Raises Overloaded where there is no thread, and none can be started.
        """
        job = Job(work, self._loop)
        with self._mutex:
            if self._closing:
                raise RuntimeError("the threads were closed")
            self._jobs.append(job)
            self._begin()
            if not self._busy:
                self._jobs.remove(job)
                raise Overloaded("no thread can be started")
        return await job.result()

    async def close(self) -> None:
        """Let what was begun come to its end, and cancel what was not; afterwards there are no threads."""
        with self._mutex:
            self._closing = True
            waiting, self._jobs = self._jobs, deque()
            while self._idle:
                self._idle.pop().release()
        for job in waiting:
            job.cancel()
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    # With the mutex held

    def _begin(self) -> None:
        """Have one more thread at work, where there is something to do and a core to do it on."""
        if not self._jobs or self._busy == self._most or (self._busy and self._at_work.total() >= self._cores):
            return
        if self._idle:
            self._idle.pop().release()
        elif not self._start_thread():
            return
        self._count_busy(1)

    def _start_thread(self) -> bool:
        """Whether it could be started: memory, or the number of threads that are allowed, may be used up for now."""
        thread = threading.Thread(target=self._serve, name=f"pipeline_{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            logger.warning("no further thread for the work of the CPU: %s", error)
            return False
        self._threads.append(thread)
        return True

    def _is_one_too_many(self) -> bool:
        return self._busy > 1 and self._at_work.total() > self._cores

    def _count_busy(self, change: int) -> None:
        self._busy += change
        self._at_work.tell(self._busy)

    # On the threads

    def _serve(self) -> None:
        with suppress(OSError):  # a sandbox may forbid it
            os.nice(GIVES_WAY_BY)  # the thread's own on Linux: nice(2), "C library/kernel differences"
        turn = threading.Lock()
        turn.acquire()
        while not self._closing:
            self._work_until_idle(turn)
            turn.acquire()

    def _work_until_idle(self, turn: threading.Lock) -> None:
        outcomes: list[Outcome] = []
        tell_at_s = 0.0
        job = self._take(turn)
        while job:
            outcomes.append(job.run())
            job = self._take(turn)  # before anything is told: who asks for more on hearing it finds this thread idle
            now_s = time.monotonic()
            if len(outcomes) == 1:
                tell_at_s = now_s + KEPT_BACK_S
            if job is None or len(self._jobs) < MANY_WAIT or now_s >= tell_at_s:
                tell(outcomes, self._loop)
                outcomes = []

    def _take(self, turn: threading.Lock) -> Job[Any] | None:
        """A job to do; where there is none for this thread, it is idle until its `turn`."""
        with self._mutex:
            while self._jobs and not self._is_one_too_many():
                job = self._jobs.popleft()
                if not job.is_given_up():
                    self._begin()
                    return job
            self._count_busy(-1)
            self._idle.append(turn)
            if self._closing:
                turn.release()
            return None
