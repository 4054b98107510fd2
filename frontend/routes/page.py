"""GET / and the files of the page that a person tries the service with, out of `frontend/web`."""

from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

WEB = Path(__file__).resolve().parents[1] / "web"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
"""W3C, Content Security Policy Level 3: nothing from elsewhere, nothing inline, nothing sent elsewhere."""
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), display-capture=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def page_routes(*, live_threshold: float, max_body_bytes: int) -> APIRouter:
    """The page at `/` and its files at `/web/…`, read once; the page is told the two settings that it shows."""
    files = {file.name: file.read_bytes() for file in WEB.iterdir() if file.suffix in MEDIA_TYPES}
    page = files.pop("index.html").decode()
    page = page.replace("{live_threshold}", repr(live_threshold)).replace("{max_body_bytes}", str(max_body_bytes))
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    async def index() -> Response:
        return Response(page, headers=HEADERS, media_type=MEDIA_TYPES[".html"])

    @router.get("/web/{name}")
    async def file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], headers=HEADERS, media_type=MEDIA_TYPES[Path(name).suffix])

    return router
