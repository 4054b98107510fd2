"""One life of tritonserver as a child process, together with its guard."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from frontend.scheduling import long_turns

GUARD = Path(__file__).with_name("guard.py")
GRACE_S = 1.0
KILL_WAIT_S = 2.0


class TritonProcess:
    """A started tritonserver. `stop` or `kill` must be called in the end; both may be called again."""

    def __init__(self, command: list[str], environment: dict[str, str], *, directory: Path, log: Path) -> None:
        guarded = [sys.executable, "-I", "-S", *map(str, (GUARD, os.getpid(), GRACE_S, directory)), "--", *command]
        with log.open("ab") as output, long_turns():
            self._guard = subprocess.Popen(
                guarded,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for the service, which then stops this
            )
        self._servers: list[psutil.Process] = []

    @property
    def has_ended(self) -> bool:
        """Whether tritonserver, and with it its guard, is gone."""
        return self._guard.poll() is not None

    @property
    def is_suspended(self) -> bool:
        """Whether tritonserver is stopped (SIGSTOP)."""
        return any(_status(server) in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP} for server in self._find())

    def stop(self) -> None:
        """End Triton gently, and after `GRACE_S` by force."""
        self._end(signal.SIGTERM, GRACE_S + KILL_WAIT_S)
        self.kill()

    def kill(self) -> None:
        """End it at once."""
        servers = self._find()
        self._end(signal.SIGINT, KILL_WAIT_S)
        if not self.has_ended:
            self._guard.kill()
            self._guard.wait()
        psutil.wait_procs(servers, timeout=KILL_WAIT_S)  # the end of a killed guard takes it along, but not at once

    def _end(self, sign: signal.Signals, timeout_s: float) -> None:
        if not self.has_ended:
            self._guard.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.wait(timeout_s)

    def _find(self) -> list[psutil.Process]:
        """The tritonserver that the guard has started; none if it has not yet, or has none any more.

        Nor is one found where /proc shows processes of others that it lets nobody look at (mounted with hidepid=1).
        """
        if not self._servers and not self.has_ended:
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                self._servers = psutil.Process(self._guard.pid).children()
        return self._servers


def _status(process: psutil.Process) -> str:
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_DEAD
