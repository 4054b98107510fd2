"""A small process between the service and its tritonserver, so that neither Triton nor its traces outlive the service.

Run as a script, by itself: guard.py OWNER_PID GRACE_S LOCK REGIONS DIRECTORY -- COMMAND...

It starts COMMAND in a session of its own and ends, taking every process of that session along, when
- COMMAND ends (a killed Triton leaves its stubs running for seconds and its shared memory for good),
- the owner is gone, even by `kill -9`; then LOCK, the files that match REGIONS, and DIRECTORY are removed too,
- SIGTERM comes: COMMAND gets it too, and GRACE_S seconds,
- SIGINT comes: at once.

PR_SET_PDEATHSIG in place of this process would not do: it is tied to the THREAD that started Triton, a Triton killed by
it leaves its shared memory behind, and a stopped (SIGSTOP) Triton would not heed a gentle signal.
"""

import contextlib
import ctypes
import glob
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

POLL_S = 0.2
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WATCHED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def main(arguments: list[str]) -> int:
    """Guard the command until one of the reasons to end comes up; the command's exit status is passed on."""
    owner_pid, grace_s, lock, regions, directory, _, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    for number in WATCHED:
        signal.signal(number, signal.SIG_DFL)  # one that the owner ignores, as a job in the background does, is lost
    resource.setrlimit(resource.RLIMIT_CORE, (1, 1))  # a core dump would hold faces; why not 0: frontend/core_dumps.py
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def die_with_guard() -> None:  # safe between fork and exec: this process has one thread
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)

    server = subprocess.Popen(command, start_new_session=True, preexec_fn=die_with_guard)  # noqa: PLW1509
    _wait_for_reason_to_end(server.pid, int(owner_pid), float(grace_s))
    os.killpg(server.pid, signal.SIGKILL)  # before wait(): until then the number cannot become another's
    status = server.wait()
    _reap_orphans()
    if os.getppid() != int(owner_pid):
        for path in (*glob.glob(regions), lock):  # noqa: PTH207 - REGIONS is a whole pattern
            Path(path).unlink(missing_ok=True)
        shutil.rmtree(directory, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _wait_for_reason_to_end(server_pid: int, owner_pid: int, grace_s: float) -> None:
    deadline_s = float("inf")
    while os.getppid() == owner_pid and time.monotonic() < deadline_s:
        received = signal.sigtimedwait(WATCHED, POLL_S)
        if os.waitid(os.P_PID, server_pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        if received is None:
            continue
        if received.si_signo == signal.SIGINT:
            return
        if received.si_signo == signal.SIGTERM:
            os.kill(server_pid, signal.SIGTERM)
            deadline_s = time.monotonic() + grace_s


def _reap_orphans() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
