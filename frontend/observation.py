"""What is told of each picture asked about, once that is over, to those who keep books: audit log, metrics, logs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from frontend.errors import LivenessError
from frontend.pipeline import Verdict
from frontend.reasons import Reason


@dataclass(frozen=True, slots=True)
class Observation:
    """One picture asked about, as it ended; nothing in it is secret, pictorial or personal.

    `key_name` is None where it ended before its key was known. `outcome` is the verdict that was counted, or
    the error that took its place. `stages_s` holds the seconds of each stage that was gone through, `latency_s` those
    from the beginning to the end, that of a stage which failed included. `key_used_ratio` is the share of the key's
    limit that is used with this verdict; None where there is no limit or no verdict.
    """

    request_id: str
    received_at: datetime
    key_name: str | None
    outcome: Verdict | LivenessError
    stages_s: Mapping[str, float]
    latency_s: float
    key_used_ratio: float | None = None


Observer = Callable[[Observation], None]
"""Called in the event loop for every picture: it must not wait, and must not raise."""

_CAPITAL_WITHIN = re.compile(r"(?<!^)(?=[A-Z])")


def outcome_name(outcome: Verdict | LivenessError) -> str:
    """One word for it, as metrics and logs name it.

    It is live, attack, the reason why the picture was refused, as face_too_small, or the error, as scoring_failed.
    """
    if isinstance(outcome, Verdict):
        if not outcome.face_found:
            return Reason.FACE_NOT_FOUND.value.lower()
        if outcome.refused_for:
            return outcome.refused_for.value.lower()
        return "live" if outcome.is_live else "attack"
    return _CAPITAL_WITHIN.sub("_", type(outcome).__name__).lower()
