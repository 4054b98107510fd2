"""A file of lines that several processes append to and rotate together."""

import fcntl
import os
import re
from pathlib import Path


class RotatedFile:
    """Appends whole lines to `path`, and before it outgrows `max_bytes` moves it to PATH.1, that to PATH.2, and so on.

    At most `files` are kept in all: whoever opens the file, at first or after a rotation, removes those that are left
    from when more were kept. Every append holds an exclusive flock(2) on the file itself, so processes neither mix
    their lines nor rotate twice; whoever finds that the file was moved meanwhile opens the new one. A file that is made
    is readable for its owner alone.
    """

    def __init__(self, path: Path, *, max_bytes: int, files: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._files = files
        self._descriptor: int | None = None

    def append(self, lines: bytes) -> None:
        """Write all of these lines or none; raises OSError, the disk being full for example."""
        try:
            descriptor, size = self._locked()
            while size and size + len(lines) > self._max_bytes:
                self._rotate()
                self.close()
                descriptor, size = self._locked()
            self._write(descriptor, lines, size)
        finally:
            self._unlock()

    def end_line(self) -> None:
        """Have what follows begin a line of its own, also after one that a power cut has cut short."""
        try:
            descriptor, size = self._locked()
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                self._write(descriptor, b"\n", size)
        finally:
            self._unlock()

    def close(self) -> None:
        """Let go of the file, and of the lock."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)

    def _locked(self) -> tuple[int, int]:
        """A descriptor of the file that has the name now, locked, and the file's size."""
        while True:
            opened = self._descriptor is None
            if self._descriptor is None:
                flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if self._has_the_name(self._descriptor):
                if opened:
                    self._remove_surplus()
                return self._descriptor, os.fstat(self._descriptor).st_size
            self.close()

    def _unlock(self) -> None:
        if self._descriptor is not None:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

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

    def _remove_surplus(self) -> None:
        """Remove the numbered files that are too many; a longer number, such as a date, is somebody else's."""
        numbered = re.compile(re.escape(self._path.name) + r"\.([1-9][0-9]{0,2})")
        for file in self._path.parent.iterdir():
            if (match := numbered.fullmatch(file.name)) and int(match[1]) >= self._files:
                file.unlink(missing_ok=True)

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    @staticmethod
    def _write(descriptor: int, lines: bytes, size: int) -> None:
        if (written := os.write(descriptor, lines)) < len(lines):
            os.ftruncate(descriptor, size)  # half a line would spoil the next
            raise OSError(f"only {written} of {len(lines)} bytes were written; is the disk full?")
