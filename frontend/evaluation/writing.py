"""Files that are there whole or not at all."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from frontend.errors import StartRefused


def require_writable(folder: Path) -> None:
    """Raise StartRefused unless files could be put into this folder, which need not be there yet; makes nothing."""
    nearest = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise StartRefused(f"cannot write to {folder}: {nearest} is no folder or not yours; name another with --out")


def write_whole(texts: Mapping[Path, str], mode: int = 0o644) -> None:
    """Write every file beside its place, then put one after the other in place; folders are made for them.

    Raises StartRefused where one cannot be written, and then nothing has changed, or not be put in place, and then
    those before it are new already.

    A byte that is no UTF-8, as there may be in the name of a file, becomes a question mark.
    """
    made = {folder for path in texts for folder in path.parents if not folder.exists()}
    beside = {path: path.with_name(f".{path.name}.{os.getpid()}.new") for path in texts}
    try:
        for path, new in beside.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8", errors="replace") as file:
                file.write(texts[path])
                file.flush()
                os.fsync(file.fileno())
            new.chmod(mode)
        for path, new in beside.items():
            new.replace(path)
    except OSError as error:
        raise StartRefused(f"cannot write {path}: {error.strerror}") from None
    finally:
        for new in beside.values():
            new.unlink(missing_ok=True)
        for folder in sorted(made, reverse=True):
            with suppress(OSError):  # those that hold files stay
                folder.rmdir()
