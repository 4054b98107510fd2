"""A request's body → a JSON object, read no further than the limit."""

from typing import Any

from fastapi import Request
from pydantic_core import from_json

from frontend.errors import BodyTooLarge, InvalidBody


async def json_object(request: Request, max_body_bytes: int) -> dict[str, Any]:
    """Read the body as a JSON object, whatever its Content-Type claims.

    Raises BodyTooLarge as soon as the limit is passed (from Content-Length, before anything is read, where there
    is one), and InvalidBody when it is no JSON, no object, or nested deeper than the parser goes.
    """
    claimed = request.headers.get("content-length", "")
    if claimed.isdecimal() and int(claimed) > max_body_bytes:
        raise BodyTooLarge(f"Content-Length {claimed[:20]}")
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_body_bytes:
            raise BodyTooLarge(f"over {max_body_bytes} bytes")
        chunks.append(chunk)
    try:
        body = from_json(b"".join(chunks))
    except ValueError:
        raise InvalidBody("no JSON") from None
    if not isinstance(body, dict):
        raise InvalidBody("JSON, but no object")
    return body
