"""GET /status_check, /healthz and /readyz."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from frontend.readiness import Readiness
from frontend.routes.answers import JsonAnswer
from frontend.schemas import ReadinessAnswer


def health_routes(retry_after_s: int) -> APIRouter:
    """The routes that tell whether the service lives and whether it can judge."""
    router = APIRouter(tags=["health"])
    retry_after = {"Retry-After": str(retry_after_s)}

    @router.get(
        "/status_check",
        response_class=PlainTextResponse,
        responses={
            200: {"content": {"text/plain": {"example": "Services is live"}}},
            503: {
                "description": "Not ready",
                "content": {"text/plain": {"example": "Services is not ready"}},
            },
        },
        summary="Is the service ready to judge?",
    )
    async def status_check(request: Request) -> Response:
        if await _readiness(request).is_ready():
            return PlainTextResponse("Services is live")
        return PlainTextResponse("Services is not ready", 503, retry_after)

    @router.get("/healthz", response_class=PlainTextResponse, summary="Does this process live?")
    async def healthz() -> Response:
        return PlainTextResponse("ok")

    @router.get(
        "/readyz",
        response_model=ReadinessAnswer,
        responses={503: {"model": ReadinessAnswer, "description": "A dependency is away"}},
        summary="Is each dependency there? Each is tried for real.",
    )
    async def readyz(request: Request) -> Response:
        states = await _readiness(request).states()
        ready = all(state == "ok" for state in states.values())
        body: dict[str, object] = {"ready": ready, "dependencies": dict(states)}
        if len(servers := request.app.state.triton_servers()) > 1:
            body["triton_servers"] = dict(servers)
        return JsonAnswer(body, 200 if ready else 503, None if ready else retry_after)

    return router


def _readiness(request: Request) -> Readiness:
    readiness: Readiness = request.app.state.readiness
    return readiness
