"""A small process between the service and its tritonserver, so that neither Triton nor its traces outlive the service.

Run as a script, by itself: guard.py OWNER_PID GRACE_S DIRECTORY -- COMMAND...

It starts COMMAND and ends, taking it along, when
- COMMAND ends,
- the owner is gone, even by `kill -9`; then DIRECTORY is removed too,
- SIGTERM comes: COMMAND gets it too, and GRACE_S seconds,
- SIGINT comes: at once.

PR_SET_PDEATHSIG in place of this process would not do: it is tied to the THREAD that started Triton, and nobody would
be left to remove DIRECTORY.
"""

import contextlib
import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

POLL_S = 0.2
PR_SET_PDEATHSIG = 1
WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def main(arguments: list[str]) -> int:
    """Guard the command until one of the reasons to end comes up; the command's exit status is passed on."""
    owner_pid, grace_s, directory, _, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    for number in WATCHED:
        signal.signal(number, signal.SIG_DFL)  # one that the owner ignores, as a job in the background does, is lost
    with contextlib.suppress(ValueError):  # where the machine's own limit is 0, nobody may raise it
        resource.setrlimit(resource.RLIMIT_CORE, (1, 1))  # dumps would hold faces; why not 0: frontend/core_dumps.py

    def die_with_guard() -> None:  # safe between fork and exec: this process has one thread
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)

    server = subprocess.Popen(command, preexec_fn=die_with_guard)  # noqa: PLW1509
    _wait_for_reason_to_end(server, int(owner_pid), float(grace_s))
    server.kill()
    status = server.wait()
    if os.getppid() != int(owner_pid):
        shutil.rmtree(directory, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _wait_for_reason_to_end(server: "subprocess.Popen[bytes]", owner_pid: int, grace_s: float) -> None:
    deadline_s = float("inf")
    while os.getppid() == owner_pid and time.monotonic() < deadline_s:
        received = signal.sigtimedwait(WATCHED, POLL_S)
        if server.poll() is not None:
            return
        if received is None:
            continue
        if received.si_signo == signal.SIGINT:
            return
        if received.si_signo == signal.SIGTERM:
            server.terminate()
            deadline_s = time.monotonic() + grace_s


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
