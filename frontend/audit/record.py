"""One line of the audit log."""

import json

from frontend.observation import Observation, outcome_name
from frontend.pipeline import Verdict


def audit_line(observation: Observation) -> bytes:
    """The observation as a line of JSON, in ASCII: when, which request, whose key, what came of it, how long it took.

    `key` is null where no usable key was given. `outcome` is the word that the log and the metrics have for it too
    (`outcome_name`); with a verdict come `is_live`, `liveness_score`, `face_found` and `raw_score`, which is what
    the model said before any calibration, null where there was no face to ask it about.
    """
    outcome = observation.outcome
    fields: dict[str, object] = {
        "time": observation.received_at.isoformat(timespec="milliseconds"),
        "request_id": observation.request_id,
        "key": observation.key_name,
        "outcome": outcome_name(outcome),
    }
    if isinstance(outcome, Verdict):
        fields |= {
            "is_live": int(outcome.is_live),
            "liveness_score": outcome.liveness_score,
            "face_found": outcome.face_found,
            "raw_score": outcome.raw_score,
        }
    fields["latency_ms"] = round(1000 * observation.latency_s, 1)
    return json.dumps(fields).encode() + b"\n"


def loss_line(time: str, lost: int) -> bytes:
    """The line that says that this many before it could not be written."""
    return json.dumps({"time": time, "outcome": "lost", "lost": lost}).encode() + b"\n"
