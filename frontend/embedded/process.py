"""One life of tritonserver as a child process, together with its guard and its stubs."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from frontend.embedded.runs import Run

GUARD = Path(__file__).with_name("guard.py")
GRACE_S = 1.0
KILL_WAIT_S = 2.0


class TritonProcess:
    """A started tritonserver. `stop` or `kill` must be called in the end; both may be called again."""

    def __init__(self, command: list[str], environment: dict[str, str], *, run: Run, log: Path) -> None:
        guarded = [
            sys.executable,
            "-I",
            "-S",
            *map(str, (GUARD, os.getpid(), GRACE_S, *run.traces())),
            "--",
        ]
        with log.open("ab") as output:
            self._guard = subprocess.Popen(
                guarded + command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C in the terminal is for the service, which then stops this
            )
        self._processes: list[psutil.Process] = []

    @property
    def has_ended(self) -> bool:
        """Whether tritonserver, and with it everything, is gone."""
        return self._guard.poll() is not None

    def remember_processes(self) -> None:
        """Note which processes there are, now that all have been started."""
        with contextlib.suppress(psutil.NoSuchProcess):
            self._processes = psutil.Process(self._guard.pid).children(recursive=True)

    def dead(self) -> str | None:
        """The name of a process that has died, if one has; `remember_processes` goes first."""
        if self.has_ended:
            return "tritonserver"
        return self._first_with({psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD})

    def suspended(self) -> str | None:
        """The name of a process that is stopped (SIGSTOP), if one is."""
        return self._first_with({psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP})

    def stop(self) -> None:
        """End Triton gently, and after `GRACE_S` by force."""
        self._end(signal.SIGTERM, GRACE_S + KILL_WAIT_S)
        self.kill()

    def kill(self) -> None:
        """End every process at once."""
        if not self.has_ended and not self._processes:
            self.remember_processes()
        self._end(signal.SIGINT, KILL_WAIT_S)
        if not self.has_ended:
            self._guard.kill()
            self._guard.wait()
        for process in self._processes:  # none is left unless the guard itself was killed
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(self._processes, timeout=KILL_WAIT_S)

    def _end(self, sign: signal.Signals, timeout_s: float) -> None:
        if not self.has_ended:
            self._guard.send_signal(sign)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._guard.wait(timeout_s)

    def _first_with(self, statuses: set[str]) -> str | None:
        for index, process in enumerate(self._processes):
            if _status(process) in statuses:
                return "a stub of the model" if index else "tritonserver"
        return None


def _status(process: psutil.Process) -> str:
    try:
        return process.status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_DEAD
