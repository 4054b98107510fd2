"""Versions of a model in Triton's repository: `MODEL/1/model.onnx`, `MODEL/2/model.onnx`, …; the newest is served.

Triton takes folders whose names are whole numbers for versions and passes over all others (its "Model Repository"
documentation), so a version appears, and is taken back, by one rename.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from frontend.errors import InvalidModel, StartRefused

FILE_NAME = "model.onnx"
_WITHDRAWN = "withdrawn-"


@dataclass(frozen=True, slots=True)
class Version:
    """One version; `is_withdrawn` says that Triton no longer sees it."""

    number: int
    file: Path
    is_withdrawn: bool

    @property
    def size_bytes(self) -> int:
        """Of the model file."""
        return self.file.stat().st_size

    @property
    def installed_at(self) -> datetime:
        """When the folder came to be, in UTC."""
        return datetime.fromtimestamp(self.file.parent.stat().st_mtime, timezone.utc)

    @property
    def sha256(self) -> str:
        """Of the model file, in hexadecimal."""
        return hashlib.sha256(self.file.read_bytes()).hexdigest()


class ModelVersions:
    """The versions in `folder`, which holds the model's config.pbtxt; raises StartRefused where there is none."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "config.pbtxt").is_file():
            raise StartRefused(
                f"{folder} holds no config.pbtxt: set LIVENESS_MODEL_REPOSITORY and LIVENESS_TRITON_MODEL"
            )
        self._folder = folder

    def all(self) -> list[Version]:
        """Every version, oldest first, withdrawn ones among them."""
        return [version for version in self._numbered() if version.file.is_file()]

    def served(self) -> Version | None:
        """The one that Triton serves from its next start on."""
        visible = [version for version in self.all() if not version.is_withdrawn]
        return visible[-1] if visible else None

    @contextmanager
    def candidate(self, file: Path) -> Iterator["Candidate"]:
        """A copy of the file beside the versions, unseen by Triton; gone at the end unless it was adopted.

        Raises InvalidModel when the file cannot be read, and StartRefused when the repository cannot be written.
        """
        if not file.is_file():
            raise InvalidModel(f"there is no file {file}")
        try:
            staging = tempfile.TemporaryDirectory(prefix=".incoming-", dir=self._folder, ignore_cleanup_errors=True)
        except OSError as error:
            raise StartRefused(f"cannot write into {self._folder}: {error.strerror}") from None
        with staging as place:
            repository = Path(place)
            model = repository / self._folder.name
            version = model / "1"
            try:
                version.mkdir(parents=True)
                shutil.copy(self._folder / "config.pbtxt", model)
                shutil.copyfile(file, version / FILE_NAME)
            except OSError as error:
                raise InvalidModel(f"cannot copy {file} into {self._folder}: {error.strerror}") from None
            yield Candidate(repository, version / FILE_NAME)

    def adopt(self, candidate: "Candidate") -> Version:
        """Make the candidate the newest version at one stroke; numbers are never used twice."""
        number = 1 + max((version.number for version in self._numbered()), default=0)
        target = self._folder / str(number)
        folder = candidate.file.parent
        try:
            candidate.file.chmod(0o644)  # a container's user must read it, whoever installs
            _flush(candidate.file)
            folder.chmod(0o755)
            os.utime(folder)
            folder.rename(target)
            _flush(self._folder)
        except OSError as error:
            raise StartRefused(f"cannot make {target}: {error.strerror}") from None
        return Version(number, target / FILE_NAME, is_withdrawn=False)

    def withdraw(self) -> tuple[Version, Version]:
        """Hide the served version from Triton; returns it and the one that is served instead.

        Raises InvalidModel when there is no older one, StartRefused when the repository cannot be written.
        """
        visible = [version for version in self.all() if not version.is_withdrawn]
        if len(visible) < 2:
            raise InvalidModel(f"{self._folder} holds no older version to go back to")
        newest = visible[-1]
        hidden = self._folder / f"{_WITHDRAWN}{newest.number}"
        try:
            newest.file.parent.rename(hidden)
            _flush(self._folder)
        except OSError as error:
            raise StartRefused(f"cannot take version {newest.number} back: {error.strerror}") from None
        return Version(newest.number, hidden / FILE_NAME, is_withdrawn=True), visible[-2]

    def _numbered(self) -> list[Version]:
        """Every version, and each folder that Triton takes for one though it holds no file."""
        matches = (re.fullmatch(rf"({_WITHDRAWN})?([1-9]\d*)", path.name) for path in self._folder.iterdir())
        found = [Version(int(m[2]), self._folder / m[0] / FILE_NAME, is_withdrawn=bool(m[1])) for m in matches if m]
        return sorted(found, key=lambda version: version.number)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may become a version: `repository` is one for Triton with it alone, as version 1."""

    repository: Path
    file: Path


def _flush(path: Path) -> None:
    """To the disk, so that a power cut leaves a whole version or none."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
