"""The service's log: to stderr, one line a record, as JSON for programs or as text for people."""

import json
import logging
import sys
import warnings
from datetime import datetime, timezone

from pydantic_core import PydanticSerializationError, to_json

FIELDS = "fields"
"""Name in `extra` of what a record tells beside its message."""


class JsonLines(logging.Formatter):
    """Each record as one JSON object: time (RFC 3339, UTC), level, logger, message, and the record's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, FIELDS, {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return to_json(line).decode()
        except PydanticSerializationError:  # text that is no Unicode, as in a path of other bytes
            return json.dumps(line, default=str)


class TextLines(logging.Formatter):
    """Each record as a line for people, with its own fields behind the message."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        """Make the line, which a traceback may follow."""
        fields: dict[str, object] = getattr(record, FIELDS, {})
        return " ".join([super().formatMessage(record), *(f"{name}={value}" for name, value in fields.items())])


def start_logging(level: str, log_format: str) -> None:
    """Log to stderr; a second call in the same process changes nothing.

    `log_format` is json, text, or auto: text on a terminal, JSON anywhere else.
    """
    handler = logging.StreamHandler(sys.stderr)
    as_json = log_format == "json" or (log_format == "auto" and not (sys.stderr and sys.stderr.isatty()))
    handler.setFormatter(JsonLines() if as_json else TextLines())
    # What no format of ours shows need not be found out for each record: logging's HOWTO, "Optimization".
    logging._srcfile = None  # noqa: SLF001
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("pymongo").setLevel(logging.WARNING)  # at "debug" it prints commands, with digests of hash_ids
    warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # its remarks on Exif blocks
