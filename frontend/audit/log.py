"""The audit log: an Observer that hands each request to a thread, which writes it."""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from queue import Empty, Full, Queue

from frontend.audit.file import RotatedFile
from frontend.audit.record import audit_line, loss_line
from frontend.errors import StartRefused
from frontend.observation import Observation
from frontend.settings import Settings

MAX_WAITING = 10_000
MAX_BATCH = 200
GATHER_S = 0.05
"""Pause after a write: a record alone is written at once, of many that follow each other several at a time."""
RETRY_S = 1.0
CLOSE_WAIT_S = 3.0

logger = logging.getLogger(__name__)
Write = Callable[[bytes], None]


class AuditLog:
    """Calls `write`, which may raise OSError, with some lines at a time, on a thread of its own.

    Nobody waits for it: what cannot be written, for want of disk or because more than `MAX_WAITING` records wait, is
    counted in `lost`, named in the service's log, and made up for by one line that holds the number as soon as
    writing goes again. Judging goes on meanwhile.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: Queue[Observation | None] = Queue(MAX_WAITING)
        self._unsaid = 0
        self._failing = False
        self._retry_at_s = 0.0
        self._overflowed = 0
        self._in_hand = 0
        self.lost = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    def __call__(self, observation: Observation) -> None:
        """Take one record; returns at once."""
        try:
            self._waiting.put_nowait(observation)
        except Full:
            self._overflowed += 1

    async def close(self) -> None:
        """Write what waits, for at most `CLOSE_WAIT_S`; what is left then is counted and named as lost."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        deadline_s = time.monotonic() + CLOSE_WAIT_S
        self._closing.set()
        with suppress(Full):
            self._waiting.put(None, timeout=CLOSE_WAIT_S)
        self._thread.join(max(0.0, deadline_s - time.monotonic()))
        if self._thread.is_alive():
            left = self._in_hand + self._overflowed
            with suppress(Empty):
                for _ in iter(self._waiting.get_nowait, None):
                    left += 1
            self.lost += left
            logger.error("the audit log hangs; it lacks %d records", self._unsaid + left)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            self._in_hand = len(batch)
            overflowed, self._overflowed = self._overflowed, 0
            self._lose(overflowed)
            if batch:
                self._try(batch, last=ended)
                self._in_hand = 0
                self._closing.wait(GATHER_S)
        if self._unsaid:
            logger.error("the audit log lacks %d records", self._unsaid)

    def _next_batch(self) -> tuple[list[Observation], bool]:
        """What waits, at least one thing, and whether the end has come."""
        batch = []
        following = self._waiting.get()
        while following is not None:
            batch.append(following)
            if len(batch) == MAX_BATCH:
                return batch, False
            try:
                following = self._waiting.get_nowait()
            except Empty:
                return batch, False
        return batch, True

    def _try(self, batch: list[Observation], *, last: bool) -> None:
        if self._failing and time.monotonic() < self._retry_at_s and not last:
            self._lose(len(batch))
            return
        lines = b"".join(map(audit_line, batch))
        if self._unsaid:
            lines = loss_line(datetime.now(timezone.utc).isoformat(timespec="milliseconds"), self._unsaid) + lines
        try:
            self._write(lines)
        except OSError as error:
            if not self._failing:
                logger.error(
                    "the audit log cannot be written (%s); judging goes on without it", error.strerror or error
                )
            self._failing, self._retry_at_s = True, time.monotonic() + RETRY_S
            self._lose(len(batch))
            return
        if self._unsaid:
            logger.warning("the audit log is written again; it lacks %d records", self._unsaid)
        self._failing, self._unsaid = False, 0

    def _lose(self, records: int) -> None:
        self._unsaid += records
        self.lost += records


def audit_log(settings: Settings) -> AuditLog | None:
    """The log that the settings ask for, None where it is off; StartRefused where its file cannot be written."""
    if settings.audit_log == "off":
        return None
    if settings.audit_log == "stdout":
        return AuditLog(_write_to_stdout)
    path = settings.audit_path
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.is_file():
            path = path.resolve()  # to move what a link leads to, not the link
        file = RotatedFile(path, max_bytes=settings.audit_log_max_bytes, files=settings.audit_log_files)
        file.end_line()
    except OSError as error:
        raise StartRefused(f"LIVENESS_AUDIT_LOG: cannot write {path} ({error.strerror})") from None
    return AuditLog(file.append)


def _write_to_stdout(lines: bytes) -> None:
    for line in lines.splitlines(keepends=True):  # one write each: a pipe keeps those below 4096 bytes whole
        os.write(1, line)
