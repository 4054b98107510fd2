"""GET /version."""

import asyncio

from fastapi import APIRouter, Request, Response

from frontend.routes.answers import JsonAnswer
from frontend.schemas import VersionAnswer
from frontend.version import Versions, VersionSource


def version_routes() -> APIRouter:
    """The route that names what runs here.

    Those who ask at once get one answer: Triton is asked over two connections, which are kept, and anybody may ask.
    """
    router = APIRouter(tags=["health"])
    asking: asyncio.Future[Versions] | None = None

    @router.get("/version", response_model=VersionAnswer, summary="Which service, model and Triton run here?")
    async def version(request: Request) -> Response:
        nonlocal asking
        if asking is None or asking.done():
            source: VersionSource = request.app.state.version_source
            asking = asyncio.ensure_future(source.versions())
        versions = await asyncio.shield(asking)
        model = {"name": versions.model, "version": versions.model_version, "sha256": versions.model_sha256}
        return JsonAnswer({"service": versions.service, "model": model, "triton": versions.triton})

    return router
