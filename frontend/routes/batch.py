"""POST /liveness/batch."""

from collections import Counter
from typing import Any

from fastapi import APIRouter, Request, Response

from frontend import errors
from frontend.batch import BatchJudge
from frontend.observation import outcome_name
from frontend.pipeline import Verdict
from frontend.routes.answers import JsonAnswer, outcome_answer
from frontend.routes.body import MAX_COMMAS, json_object
from frontend.routes.departure import watched_departure
from frontend.routes.documented import OF_ANY_REQUEST, documented_refusals
from frontend.routes.request_watch import note_outcome
from frontend.schemas import BatchAnswer, BatchRequest


def batch_routes(max_body_bytes: int, max_images: int, retry_after_s: int) -> APIRouter:
    """The route that judges several selfies in one call."""
    router = APIRouter(tags=["liveness"])

    @router.post(
        "/liveness/batch",
        response_model=BatchAnswer,
        responses=_documented_refusals(),
        openapi_extra={"requestBody": _documented_body(max_images)},
        summary="Judge several selfies of one customer, side by side",
    )
    async def batch(request: Request) -> Response:
        """Each picture is judged, counted and refused by itself, and each result is what a call for it alone gets.

        A call whose hash_id is refused is refused as a whole. With Retry-After there are pictures
        of status 503, which are worth another try.
        """
        body = await json_object(request, max_body_bytes, MAX_COMMAS + 2 * max_images)
        selfie_images = body.get("selfie_images")
        if not isinstance(selfie_images, list) or not 0 < len(selfie_images) <= max_images:
            raise errors.InvalidBatch(f"not 1 to {max_images} images")
        judge: BatchJudge = request.app.state.batch_judge

        with watched_departure(request) as gone:
            outcomes = await judge.judge(
                body.get("hash_id"), selfie_images, request_id=request.state.request_id, gone=gone
            )
        nothing_given = not any(isinstance(outcome, Verdict) for outcome in outcomes)
        if nothing_given and any(isinstance(outcome, errors.InvalidCredentials) for outcome in outcomes):
            raise errors.InvalidCredentials("for the pictures of a batch")
        counts = Counter(map(outcome_name, outcomes))
        note_outcome(request, "batch", ", ".join(f"{number} {name}" for name, number in counts.items()))
        answers = [outcome_answer(outcome) for outcome in outcomes]
        headers = {"Retry-After": str(retry_after_s)} if any(status == 503 for status, _ in answers) else None
        return JsonAnswer({"results": [{"status": status, "body": body} for status, body in answers]}, 200, headers)

    return router


def _documented_body(max_images: int) -> dict[str, Any]:
    schema = BatchRequest.model_json_schema()
    schema["properties"]["selfie_images"]["maxItems"] = max_images
    example = schema.pop("example")
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _documented_refusals() -> dict[int | str, dict[str, Any]]:
    """What a call as a whole may be refused with."""
    raised = (
        *OF_ANY_REQUEST,
        errors.InvalidBody,
        errors.InvalidBatch,
        errors.InvalidCredentials,
        errors.TooManyFailures,
        errors.BodyTooLarge,
        errors.Overloaded,
        errors.Interrupted,
    )
    refused = "The call is refused as a whole; nothing was judged, nothing was counted."
    return documented_refusals(raised, dict.fromkeys((400, 401, 408, 413, 429, 431, 503), refused))
