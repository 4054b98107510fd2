"""A request's body → its fields, read no further than the limit."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from pydantic_core import from_json

from frontend.errors import BodyTooLarge, InvalidBody
from frontend.routes.form import boundary_in, form_fields

MAX_COMMAS = 1_000
"""In a JSON body, beside those between pictures. It is parsed before it is known who sends it, and of 48 MB of brackets
the parser would make objects of 2 GB. A selfie has two or three; a client's other fields, which nobody reads, may have
the rest."""


async def liveness_fields(request: Request, max_body_bytes: int) -> dict[str, Any]:
    """The fields of a form where the Content-Type is multipart/form-data with a boundary, else of a JSON object.

    Raises BodyTooLarge, InvalidBody, and InvalidForm.
    """
    content_type = request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/") and (boundary := boundary_in(content_type)):
        return await form_fields(_chunks(request, max_body_bytes), boundary)
    return await json_object(request, max_body_bytes)


async def json_object(request: Request, max_body_bytes: int, max_commas: int = MAX_COMMAS) -> dict[str, Any]:
    """Read the body as a JSON object, whatever its Content-Type claims.

    Raises BodyTooLarge, and InvalidBody when it is no JSON, no object, nested deeper than the parser goes, or has more
    than `max_commas`.
    """
    data = b"".join([chunk async for chunk in _chunks(request, max_body_bytes)])
    if _has_more_commas(data, max_commas):
        raise InvalidBody("too many values")
    try:
        body = from_json(data, allow_inf_nan=False)
    except ValueError:
        raise InvalidBody("no JSON") from None
    if not isinstance(body, dict):
        raise InvalidBody("JSON, but no object")
    return body


def _has_more_commas(data: bytes, number: int) -> bool:
    """By `bytes.find`: `bytes.count` takes twenty times as long for the few that there are."""
    at = -1
    for _ in range(number + 1):
        at = data.find(b",", at + 1)
        if at < 0:
            return False
    return True


async def _chunks(request: Request, max_body_bytes: int) -> AsyncIterator[bytes]:
    """The body as it arrives.

    Raises BodyTooLarge as soon as the limit is passed (from Content-Length, before anything is read, where there
    is one).
    """
    claimed = request.headers.get("content-length", "").lstrip("0")  # of which HTTP allows more than `int` takes
    if claimed.isdecimal() and int(claimed) > max_body_bytes:
        raise BodyTooLarge(f"Content-Length {claimed[:20]}")
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_body_bytes:
            raise BodyTooLarge(f"over {max_body_bytes} bytes")
        yield chunk
