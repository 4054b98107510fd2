"""GET /version."""

from fastapi import APIRouter, Request, Response

from frontend.routes.answers import JsonAnswer
from frontend.schemas import VersionAnswer
from frontend.version import VersionSource


def version_routes() -> APIRouter:
    """The route that names what runs here."""
    router = APIRouter(tags=["health"])

    @router.get("/version", response_model=VersionAnswer, summary="Which service, model and Triton run here?")
    async def version(request: Request) -> Response:
        source: VersionSource = request.app.state.version_source
        versions = await source.versions()
        model = {"name": versions.model, "version": versions.model_version, "sha256": versions.model_sha256}
        return JsonAnswer({"service": versions.service, "model": model, "triton": versions.triton})

    return router
