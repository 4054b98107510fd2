"""GET /docs: the interactive documentation, with a policy that lets the browser run its own script and no other."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.exceptions import HTTPException

STATIC = "/static-offline-docs"
MEDIA_TYPES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
"""Of Swagger UI's files, which the package fastapi_offline carries."""
PIECE_BYTES = 64 * 1024
"""A client has a time to read each, not the whole file."""
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def docs_routes(title: str, openapi_url: str) -> APIRouter:
    """The page, which is the same for everybody and so made once, and its files.

    They are served from memory: a client that reads slowly holds no open file beside its connection.
    """
    router = APIRouter(include_in_schema=False)
    folder = files("fastapi_offline") / "static"
    contents = {name: (folder / name).read_bytes() for name in MEDIA_TYPES}
    page = bytes(
        get_swagger_ui_html(
            openapi_url=openapi_url,
            title=title,
            swagger_js_url=f"{STATIC}/swagger-ui-bundle.js",
            swagger_css_url=f"{STATIC}/swagger-ui.css",
            swagger_favicon_url=f"{STATIC}/favicon.png",
        ).body
    )
    policy = content_security_policy(page)

    @router.get("/docs")
    async def docs() -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    @router.get(STATIC + "/{name}")
    async def file(name: str) -> Response:
        if (content := contents.get(name)) is None:
            raise HTTPException(404)
        headers = {"Content-Length": str(len(content)), "Content-Type": MEDIA_TYPES[name]}
        return StreamingResponse(_pieces(content), headers=headers)

    return router


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


def content_security_policy(page: bytes) -> str:
    """Everything from here alone; inline scripts by digest (W3C, CSP 3), inline styles because Swagger UI sets them."""
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page)]
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
