"""GET /version, where there is nothing to ask, or nothing to be had."""

import asyncio
from pathlib import Path

import httpx
from aiohttp import web
from aiohttp.test_utils import TestServer

from frontend.version import VersionSource
from tests.observability.conftest import Workers


def test_what_cannot_be_known_is_null(without_triton: Workers) -> None:
    """With no Triton there, and no model repository at hand."""
    answer = httpx.get(f"{without_triton.url}/version", timeout=20, trust_env=False).json()
    assert answer["model"] == {"name": "anti_spoof", "version": None, "sha256": None}
    assert answer["triton"] is None
    assert answer["service"]


def test_an_answer_of_countless_brackets_is_none(tmp_path: Path) -> None:
    async def nested(_request: web.Request) -> web.Response:
        return web.Response(text="[" * 5_000)

    async def asked() -> str | None:
        app = web.Application()
        app.router.add_get("/{path:.*}", nested)
        async with TestServer(app) as server:
            source = VersionSource(f"{server.host}:{server.port}", "anti_spoof", tmp_path, 5)
            try:
                return (await source.versions()).triton
            finally:
                source.close()

    assert asyncio.run(asked()) is None
