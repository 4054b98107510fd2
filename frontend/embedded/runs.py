"""The traces that one embedded Triton leaves on the machine, and how those of a crashed one are found and removed."""

import contextlib
import fcntl
import os
import secrets
import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - Triton's Python backend keeps its regions there
SHM_STEM = "liveness-triton-"
DIRECTORY_STEM = "triton-"


class Run:
    """A token, a folder `runtime_dir/triton-TOKEN`, and the shared memory regions named after the token.

    A lock file beside the regions is held while the owner lives. The kernel lets go of it when the owner dies, however
    that happens, so whoever can take a lock knows that its owner is gone; a process id would say less, for it can be
    used again or belong to another container.
    """

    def __init__(self, runtime_dir: Path) -> None:
        remove_leftovers(runtime_dir)
        self.token = secrets.token_hex(8)
        self.shm_prefix = f"{SHM_STEM}{self.token}-"
        self._lock_path = SHARED_MEMORY / f"{SHM_STEM}{self.token}.lock"
        self._lock = _take_new_lock(self._lock_path)
        self.directory = runtime_dir / f"{DIRECTORY_STEM}{self.token}"
        self.directory.mkdir(parents=True, mode=0o700)

    def traces(self) -> tuple[Path, Path, Path]:
        """The lock, the pattern of the regions, and the folder, for whoever cleans up after a dead owner."""
        return self._lock_path, SHARED_MEMORY / f"{self.shm_prefix}*", self.directory

    def protect_regions(self) -> None:
        """Let nobody but the owner read the regions, in which faces will lie; Triton makes them readable for all."""
        for region in SHARED_MEMORY.glob(f"{self.shm_prefix}*"):
            region.chmod(0o600)

    def remove_regions(self) -> None:
        """Remove the shared memory regions; nothing may be running that uses them."""
        _remove_regions(self.token)

    def close(self) -> None:
        """Remove the folder, the regions and the lock."""
        shutil.rmtree(self.directory, ignore_errors=True)
        self.remove_regions()
        self._lock_path.unlink(missing_ok=True)
        os.close(self._lock)


def remove_leftovers(runtime_dir: Path) -> None:
    """Remove what crashed runs left in shared memory, and their folders in `runtime_dir`."""
    for lock_path in SHARED_MEMORY.glob(f"{SHM_STEM}*.lock"):
        with contextlib.suppress(OSError):  # held, gone meanwhile, or another user's
            _remove_run_of_dead_owner(lock_path)
    for directory in runtime_dir.glob(f"{DIRECTORY_STEM}*"):
        token = directory.name.removeprefix(DIRECTORY_STEM)
        if not (SHARED_MEMORY / f"{SHM_STEM}{token}.lock").exists():
            shutil.rmtree(directory, ignore_errors=True)


def _remove_run_of_dead_owner(lock_path: Path) -> None:
    descriptor = os.open(lock_path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _remove_regions(lock_path.name.removeprefix(SHM_STEM).removesuffix(".lock"))
        lock_path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _remove_regions(token: str) -> None:
    for region in SHARED_MEMORY.glob(f"{SHM_STEM}{token}-*"):
        region.unlink(missing_ok=True)


def _take_new_lock(path: Path) -> int:
    """Create the lock file and take it; a sweep of another process may remove it in between, hence the second look."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        os.close(descriptor)
