"""Watches over a running Triton and starts it again when something is wrong with it.

Triton does neither itself, and calls itself ready even where it answers no inference: only a real one tells health.
"""

import threading
import time
from collections.abc import Callable
from typing import Protocol

from frontend.embedded.probe import ProbeFailed, ServerBusy
from frontend.errors import StartRefused

POLL_S = 0.25
PROBE_INTERVAL_S = 2.0
FAILURES_ALLOWED = 1
SUSPENSION_ALLOWED_S = 2.0
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 5.0
RAN_WELL_S = 10.0


class Supervised(Protocol):
    """What the supervisor needs of the thing it watches over."""

    def has_died(self) -> bool:
        """Whether it is gone."""

    def is_suspended(self) -> bool:
        """Whether it is stopped."""

    def infer(self) -> None:
        """Make a real inference; ProbeFailed if it comes to nothing."""

    def restart(self) -> None:
        """End what is left and start anew; StartRefused or OSError if that fails."""


class Supervisor:
    """A daemon thread that never gives up; `on_event` gets a line whenever it finds or does something."""

    def __init__(self, supervised: Supervised, on_event: Callable[[str], None]) -> None:
        self._supervised = supervised
        self._on_event = on_event
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="triton-supervisor", daemon=True)
        self._delay_s = FIRST_DELAY_S

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Begin no restart from now on."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(timeout_s)

    def _watch(self) -> None:
        health = _Health(self._supervised)
        while not self._stopping.wait(POLL_S):
            trouble = health.trouble()
            if trouble is None or self._stopping.is_set():
                continue
            if health.age_s > RAN_WELL_S:
                self._delay_s = FIRST_DELAY_S
            self._recover(trouble)
            health = _Health(self._supervised)

    def _recover(self, trouble: str) -> None:
        found_s = time.monotonic()
        while True:
            self._on_event(f"Triton: {trouble}; starting it again in {self._delay_s:g} s")
            if self._stopping.wait(self._delay_s):
                return
            self._delay_s = min(2 * self._delay_s, LONGEST_DELAY_S)
            try:
                self._supervised.restart()
            except (StartRefused, OSError) as error:
                trouble = str(error)
            else:
                self._on_event(f"Triton serves again, {time.monotonic() - found_s:.1f} s after the trouble was found")
                return


class _Health:
    """What is known of one life of the server."""

    def __init__(self, supervised: Supervised) -> None:
        self._supervised = supervised
        self._born_s = self._probed_s = time.monotonic()
        self._suspended_since_s: float | None = None
        self._failures = 0

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._born_s

    def trouble(self) -> str | None:
        if self._supervised.has_died():
            return "tritonserver has died"
        if self._supervised.is_suspended():
            return self._trouble_of_suspension()
        self._suspended_since_s = None
        return self._trouble_of_inference()

    def _trouble_of_suspension(self) -> str | None:
        now_s = time.monotonic()
        if self._suspended_since_s is None:
            self._suspended_since_s = now_s
        return "tritonserver is stopped" if now_s - self._suspended_since_s >= SUSPENSION_ALLOWED_S else None

    def _trouble_of_inference(self) -> str | None:
        if not self._failures and time.monotonic() - self._probed_s < PROBE_INTERVAL_S:
            return None
        try:
            self._supervised.infer()
        except ServerBusy:
            self._failures = 0
        except ProbeFailed as error:
            self._failures += 1
            return str(error) if self._failures > FAILURES_ALLOWED else None
        else:
            self._failures = 0
        finally:
            self._probed_s = time.monotonic()
        return None
