"""GET /docs: the interactive documentation, with a policy that lets the browser run its own script and no other."""

import base64
import hashlib
import re

from fastapi import APIRouter, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse

STATIC = "/static-offline-docs"
"""Where FastAPIOffline serves Swagger UI's files."""
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def docs_routes(title: str, openapi_url: str) -> APIRouter:
    """The route of the page, which is the same for everybody and so made once."""
    router = APIRouter(include_in_schema=False)
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

    return router


def content_security_policy(page: bytes) -> str:
    """Everything from here alone; inline scripts by digest (W3C, CSP 3), inline styles because Swagger UI sets them."""
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE_SCRIPT.findall(page)]
    scripts = " ".join(["'self'", *(f"'sha256-{digest}'" for digest in digests)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
