"""What the interface's description says of refusals, out of the very table that they are answered from."""

from collections.abc import Iterable, Mapping
from typing import Any

from frontend import errors
from frontend.routes.answers import FAULT, REFUSALS
from frontend.schemas import ErrorAnswer, MessageAnswer

OF_ANY_REQUEST: tuple[type[errors.LivenessError], ...] = (
    errors.MalformedRequest,
    errors.RequestTooSlow,
    errors.HeadTooLarge,
)
"""What a request may be refused with before it is known what it asks for."""


def documented_refusals(
    raised: Iterable[type[errors.LivenessError]], descriptions: Mapping[int, str]
) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` of a route that may raise these: an example an error, and by status a description."""
    examples: dict[int, dict[str, dict[str, dict[str, str]]]] = {}
    for error in raised:
        refusal = REFUSALS[error]
        examples.setdefault(refusal.status, {})[error.__name__] = {"value": refusal.body}
    fault = {
        "model": ErrorAnswer,
        "description": "A fault of the service that nobody has foreseen.",
        "content": {"application/json": {"examples": {"Fault": {"value": FAULT.body}}}},
    }
    refusals: dict[int | str, dict[str, Any]] = {
        status: {
            "model": _model_of([case["value"] for case in cases.values()]),
            "description": descriptions[status],
            "content": {"application/json": {"examples": cases}},
        }
        for status, cases in sorted(examples.items())
    }
    return refusals | {FAULT.status: fault}


def _model_of(bodies: Iterable[dict[str, str]]) -> object:
    fields = {field for body in bodies for field in body}
    if len(fields) > 1:
        return ErrorAnswer | MessageAnswer
    return ErrorAnswer if "error" in fields else MessageAnswer
