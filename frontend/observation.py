"""What is told of each request to `/liveness` once it is over to those who keep books: audit log, metrics, logs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from frontend.errors import LivenessError
from frontend.pipeline import Verdict


@dataclass(frozen=True, slots=True)
class Observation:
    """One request, as it ended; nothing in it is secret, pictorial or personal.

    `key_name` is None where the request ended before its key was known. `outcome` is the verdict that was counted, or
    the error that took its place. `stages_s` holds the seconds of each stage that was gone through.
    """

    request_id: str
    received_at: datetime
    key_name: str | None
    outcome: Verdict | LivenessError
    stages_s: Mapping[str, float]


Observer = Callable[[Observation], None]
"""Called in the event loop for every request: it must not wait, and must not raise."""
