"""A file of lines that several processes append to and rotate together."""

import fcntl
import os
from pathlib import Path


class RotatedFile:
    """Appends whole lines to `path`, and before it outgrows `max_bytes` moves it to PATH.1, that to PATH.2, and so on.

    At most `files` are kept in all. Every append holds an exclusive flock(2) on the file itself, so processes neither
    mix their lines nor rotate twice; whoever finds that the file was moved meanwhile opens the new one. A file that is
    made is readable for its owner alone.
    """

    def __init__(self, path: Path, *, max_bytes: int, files: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._descriptor: int | None = None

    def append(self, lines: bytes) -> None:
        """Write all of these lines or none; raises OSError, the disk being full for example."""
        descriptor = self._locked()
        try:
            size = os.fstat(descriptor).st_size
            if size and size + len(lines) > self._max_bytes:
                self._rotate()
                self.close()
                descriptor, size = self._locked(), 0
            self._write(descriptor, lines, size)
        finally:
            if self._descriptor is not None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file, and of the lock."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _locked(self) -> int:
        """A descriptor of the file that has the name now, locked."""
        while True:
            if self._descriptor is None:
                flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if self._has_the_name(self._descriptor):
                return self._descriptor
            self.close()

    def _has_the_name(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def _rotate(self) -> None:
        if self._files == 1:
            self._path.unlink()
            return
        for number in range(self._files - 2, 0, -1):
            if self._numbered(number).exists():
                self._numbered(number).replace(self._numbered(number + 1))
        self._path.replace(self._numbered(1))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    @staticmethod
    def _write(descriptor: int, lines: bytes, size: int) -> None:
        if (written := os.write(descriptor, lines)) < len(lines):
            os.ftruncate(descriptor, size)  # half a line would spoil the next
            raise OSError(f"only {written} of {len(lines)} bytes were written; is the disk full?")
