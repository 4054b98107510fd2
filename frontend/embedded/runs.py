"""The folder that one embedded Triton leaves on the machine, and how that of a crashed one is found and removed."""

import contextlib
import fcntl
import os
import secrets
import shutil
from pathlib import Path

DIRECTORY_STEM = "triton-"


class Run:
    """A token, and a folder `runtime_dir/triton-TOKEN` that is locked while the owner lives.

    The kernel lets go of the lock when the owner dies, however that happens, so whoever can take it knows that the
    owner is gone; a process id would say less, for it can be used again or belong to another container.
    """

    def __init__(self, runtime_dir: Path) -> None:
        remove_leftovers(runtime_dir)
        self.token = secrets.token_hex(8)
        self.directory = runtime_dir / f"{DIRECTORY_STEM}{self.token}"
        self._lock = _make_locked(self.directory)

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self._lock)


def remove_leftovers(runtime_dir: Path) -> None:
    """Remove the folders of crashed runs."""
    for directory in runtime_dir.glob(f"{DIRECTORY_STEM}*/"):
        with contextlib.suppress(OSError):  # locked, gone meanwhile, or another user's
            _remove_if_unlocked(directory)


def _remove_if_unlocked(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(directory)
    finally:
        os.close(descriptor)


def _make_locked(directory: Path) -> int:
    """Make the folder and lock it; a sweep of another process may remove it in between, hence the second look.

    A shared lock keeps the exclusive one of a sweep out, and NFS gives one on a folder too.
    """
    while True:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            if directory.exists():
                return descriptor
            os.close(descriptor)
