"""Triton's log file: kept small, and read for the reason of a failure."""

import contextlib
import os
import re
import shutil
from pathlib import Path

MAX_LOG_BYTES = 4 * 1024 * 1024
MAX_REASON_CHARACTERS = 1000
ERROR_LINE = re.compile(r'^E\d{4} \S+ \d+ [\w.]+:\d+\] "?(?P<message>.*?)"?$')
CONTINUATION = re.compile(r"^(?![EWI]\d{4} |[+|])")
HARMLESS = ("CudaDriverHelper has not been initialized",)


def keep_bounded(log: Path) -> None:
    """Move the content of a log that has grown too large to `NAME.1`, in place of what was there.

    The file itself stays, since a running Triton has it open for appending. Where the copy cannot be written, as on a
    full disk, the content is dropped, which makes room; a log that cannot be shortened either stays as it is.
    """
    with contextlib.suppress(OSError):
        if log.exists() and log.stat().st_size > MAX_LOG_BYTES:
            with contextlib.suppress(OSError):
                shutil.copyfile(log, log.with_name(log.name + ".1"))
            os.truncate(log, 0)


def reason_of_failure(log: Path, offset: int) -> str:
    """What Triton says went wrong after byte `offset` of its log: its errors, or its last words where it has none."""
    with log.open("rb") as file:
        file.seek(offset)
        lines = file.read(MAX_LOG_BYTES).decode(errors="replace").splitlines()
    errors = _errors(lines)
    loading = [error for error in errors if error.startswith("failed to load '")]  # repeats the rest of them
    said = loading or errors or [line for line in lines if line.strip()][-3:]
    return " | ".join(said)[:MAX_REASON_CHARACTERS] or "its log is empty"


def _errors(lines: list[str]) -> list[str]:
    errors: list[str] = []
    in_error = False
    for line in lines:
        if match := ERROR_LINE.match(line):
            message = match["message"]
            in_error = not any(words in message for words in HARMLESS)
            if in_error and message not in errors:
                errors.append(message)
        elif in_error and line.strip() and CONTINUATION.match(line):
            errors[-1] += " " + line.strip().rstrip('"')
        else:
            in_error = False
    return errors
