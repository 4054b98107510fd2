"""Faults at random moments: a process of the service is killed, or stopped for a while."""

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from frontend.cli.stack import is_live

STOPPED_S = 4.0
RECOVERY_LIMIT_S = 60.0
TRITON, WORKER = "tritonserver", "spawn_main"


@dataclass(frozen=True, slots=True)
class Fault:
    """What was done, when (seconds from the load's beginning), and when the service was ready again."""

    name: str
    at_s: float
    ready_again_s: float

    @property
    def recovery_s(self) -> float:
        """From the fault's end."""
        return self.ready_again_s - self.at_s - (STOPPED_S if "stopped" in self.name else 0)


class Injector:
    """Draws the faults, always the same ones for a seed."""

    def __init__(self, process: psutil.Process, url: str, *, every_s: float, workers: int, seed: int) -> None:
        self._process = process
        self._url = url
        self._every_s = every_s
        self._random = random.Random(seed)  # noqa: S311 - to be repeatable
        self._kinds: dict[str, Callable[[], None]] = {
            "tritonserver killed": lambda: self._signal(TRITON, signal.SIGKILL),
            "tritonserver stopped": self._stop_triton,
        }
        if workers > 1:
            self._kinds["worker killed"] = lambda: self._signal(WORKER, signal.SIGKILL)
        self.next_s = self._draw(0.0)

    def inject(self, begun_s: float) -> Fault:
        """Do the next one, and wait until the service is ready again."""
        name = self._random.choice(list(self._kinds))
        at_s = time.monotonic() - begun_s
        self._kinds[name]()
        time.sleep(1.0)  # readiness is remembered for half a second
        deadline_s = time.monotonic() + RECOVERY_LIMIT_S
        while not is_live(self._url) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        now_s = time.monotonic() - begun_s
        self.next_s = self._draw(now_s)
        return Fault(name, at_s, now_s)

    def _draw(self, from_s: float) -> float:
        return from_s + self._random.uniform(0.5, 1.5) * self._every_s

    def _stop_triton(self) -> None:
        self._signal(TRITON, signal.SIGSTOP)
        time.sleep(STOPPED_S)
        self._signal(TRITON, signal.SIGCONT)

    def _signal(self, program: str, sign: signal.Signals) -> None:
        found = []
        for process in self._process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if any(program in word for word in process.cmdline()[: None if program == WORKER else 1]):
                    found.append(process)
        if found:
            with suppress(psutil.NoSuchProcess):
                self._random.choice(found).send_signal(sign)
