"""POST /liveness."""

import copy
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from frontend import errors
from frontend.observation import outcome_name
from frontend.routes.answers import NO_FACE_MESSAGE, REFUSALS, verdict_answer
from frontend.routes.body import liveness_fields
from frontend.routes.departure import watched_departure
from frontend.routes.details import DETAILS_EXAMPLE, DETAILS_PARAMETER, wants_details
from frontend.routes.documented import documented_refusals
from frontend.routes.request_watch import note_outcome
from frontend.schemas import LivenessAnswer, LivenessRequest
from frontend.service import LivenessService
from frontend.timing import StageClock


class _PlainRoute(APIRoute):
    """A documented route whose function takes the request and returns the response, without FastAPI between them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function itself."""
        return self.endpoint


def liveness_routes(max_body_bytes: int, *, with_server_timing: bool) -> APIRouter:
    """The route that judges a selfie."""
    router = APIRouter(tags=["liveness"], route_class=_PlainRoute)

    @router.post(
        "/liveness",
        status_code=201,
        response_model=None,
        responses=_documented_answers(),
        openapi_extra={"requestBody": _documented_body(), "parameters": [DETAILS_PARAMETER]},
        summary="Judge a selfie: a live person, or a presentation attack?",
    )
    async def liveness(request: Request) -> Response:
        clock = StageClock()
        with_details = wants_details(request)
        body = await liveness_fields(request, max_body_bytes)
        clock.lap("parse")
        service: LivenessService = request.app.state.service

        with watched_departure(request) as gone:
            verdict = await service.judge(
                body.get("hash_id"),
                body.get("selfie_image"),
                request_id=request.state.request_id,
                with_details=with_details,
                gone=gone,
                clock=clock,
            )
        note_outcome(request, outcome_name(verdict))
        answer = verdict_answer(verdict)
        if with_server_timing:
            answer.headers["Server-Timing"] = clock.server_timing()
        return answer

    return router


def _documented_body() -> dict[str, Any]:
    schema = LivenessRequest.model_json_schema()
    example = schema.pop("example")
    form = copy.deepcopy(schema)
    form["properties"]["selfie_image"] = {"type": "string", "format": "binary", "description": "A PNG or JPEG file."}
    content = {"application/json": {"schema": schema, "example": example}, "multipart/form-data": {"schema": form}}
    return {"required": True, "content": content}


def _documented_answers() -> dict[int | str, dict[str, Any]]:
    """The contract for OpenAPI, with one example a case."""
    verdicts = {
        "live": {"liveness_result": {"is_live": 1, "liveness_score": 0.980154}, "message": "Success"},
        "attack": {"liveness_result": {"is_live": 0, "liveness_score": 0.021437}, "message": "Success"},
        "no face": {"liveness_result": {"is_live": 0, "liveness_score": 0.0}, "message": NO_FACE_MESSAGE},
        "details=true": {
            "liveness_result": {"is_live": 1, "liveness_score": 0.980154},
            "message": "Success",
            "details": DETAILS_EXAMPLE,
        },
    }
    answers: dict[int | str, dict[str, Any]] = {
        201: {
            "model": LivenessAnswer,
            "description": "A verdict; it counts against the limit.",
            "content": {"application/json": {"examples": {name: {"value": body} for name, body in verdicts.items()}}},
        }
    }
    descriptions = {
        400: "The request cannot be judged as it is.",
        401: (errors.InvalidCredentials.__doc__ or ""),
        408: (errors.RequestTooSlow.__doc__ or ""),
        413: (errors.BodyTooLarge.__doc__ or ""),
        429: "The key's limit is used up, or its caller's address has failed to authenticate too often of late.",
        431: (errors.HeadTooLarge.__doc__ or ""),
        503: "Overloaded or half-broken: no verdict, nothing counted; try again after Retry-After seconds.",
    }
    raised = [error for error in REFUSALS if error not in {errors.Abandoned, errors.InvalidBatch}]
    return answers | documented_refusals(raised, descriptions)
