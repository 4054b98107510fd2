"""A thread on which an event loop has its blocking calls done, one after another."""

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from frontend.job import Job, tell

Result = TypeVar("Result")


class WorkerThread:
    """Does what it is asked in the order of asking, until it is asked to `end`. Belongs to the event loop that it is
    made in.

    `ThreadPoolExecutor` and `asyncio.wait_for` cost a fifth more for a verdict's count, and Python does not exit before
    the former's threads end, even one that a dead disk holds.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[Job[Any] | None] = SimpleQueue()
        Thread(target=self._serve, name=name, daemon=True).start()

    async def run(self, work: Callable[[], Result], timeout_s: float) -> Result:
        """What `work` returns or raises; what is given up before it is begun is not begun.

        Raises asyncio.TimeoutError.
        """
        job = Job(work, self._loop)
        self._jobs.put(job)
        return await job.result(timeout_s)

    def end(self) -> None:
        """Let the thread end after what it was asked; nobody waits for that."""
        self._jobs.put(None)

    def _serve(self) -> None:
        while job := self._jobs.get():
            if not job.is_given_up():
                tell([job.run()], self._loop)
            del job
