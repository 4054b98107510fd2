"""The command of docs/operations.md that takes the audit log out of a container's log takes all of it, and no more."""

import logging
import re
from datetime import datetime, timezone

from frontend.audit.record import audit_line, loss_line
from frontend.errors import InvalidImage
from frontend.logs import JsonLines
from frontend.observation import Observation
from tests.docs.pages import ROOT


def test_the_audit_log_and_nothing_else_is_taken() -> None:
    documented = re.findall(r"grep '([^']+)' > audit\.jsonl", (ROOT / "docs/operations.md").read_text())
    assert len(documented) == 1
    taken = re.compile(documented[0])
    now = datetime.now(timezone.utc)
    assert taken.search(audit_line(Observation("r", now, "acme", InvalidImage("no picture"), {}, 0.1)).decode())
    assert taken.search(loss_line(now.isoformat(), 3).decode())
    logged = logging.LogRecord("frontend", logging.INFO, __file__, 1, "ready", None, None)
    assert not taken.search(JsonLines().format(logged))
