"""POST /guidance, which the page asks for each frame while a selfie is being framed."""

from typing import Any

from fastapi import APIRouter, Request, Response

from frontend import errors
from frontend.guidance import Guidance
from frontend.routes.answers import JsonAnswer
from frontend.routes.body import json_object
from frontend.routes.details import DETAILS_EXAMPLE, details_body
from frontend.routes.documented import OF_ANY_REQUEST, documented_refusals
from frontend.schemas import GuidanceAnswer, LivenessRequest

MAX_FRAME_BYTES = 1024 * 1024
"""Largest body of a request for guidance; a frame of 640×480 pixels takes a twentieth of it."""


def guidance_routes() -> APIRouter:
    """The route that examines a frame."""
    router = APIRouter(tags=["page"])

    @router.post(
        "/guidance",
        response_model=None,
        responses=_documented_answers(),
        openapi_extra={"requestBody": _documented_body()},
        summary="Is this frame of the camera fit to be judged? No verdict, nothing counted.",
    )
    async def guidance(request: Request) -> Response:
        body = await json_object(request, MAX_FRAME_BYTES)
        examiner: Guidance = request.app.state.guidance
        details = await examiner.examine(body.get("hash_id"), body.get("selfie_image"))
        return JsonAnswer({"details": details_body(details)})

    return router


def _documented_body() -> dict[str, Any]:
    schema = LivenessRequest.model_json_schema()
    example = schema.pop("example")
    return {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}


def _documented_answers() -> dict[int | str, dict[str, Any]]:
    raised = (
        *OF_ANY_REQUEST,
        errors.InvalidBody,
        errors.ImageMissing,
        errors.InvalidImage,
        errors.InvalidCredentials,
        errors.TooManyFailures,
        errors.BodyTooLarge,
        errors.LimitReached,
        errors.Overloaded,
        errors.KeyStoreUnavailable,
    )
    answers: dict[int | str, dict[str, Any]] = {
        200: {
            "model": GuidanceAnswer,
            "description": "What was found in the frame.",
            "content": {"application/json": {"example": {"details": DETAILS_EXAMPLE}}},
        }
    }
    refused = "Nothing was examined."
    return answers | documented_refusals(raised, dict.fromkeys((400, 401, 408, 413, 429, 431, 503), refused))
