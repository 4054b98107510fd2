"""A multipart/form-data body (RFC 7578) → its fields, in memory alone: no part of a picture ever comes to a disk."""

from collections.abc import AsyncIterator

from python_multipart.multipart import parse_options_header

from frontend.errors import InvalidForm

MAX_PARTS = 16
MAX_PART_HEAD_BYTES = 8 * 1024


def boundary_in(content_type: str) -> bytes | None:
    """The boundary of a multipart/form-data Content-Type; None for any other type, or where it is absent."""
    media_type, options = parse_options_header(content_type)
    return options.get(b"boundary") or None if media_type == b"multipart/form-data" else None


async def form_fields(chunks: AsyncIterator[bytes], boundary: bytes) -> dict[str, str | bytes]:
    """Field → its text, or the bytes of its file; of several fields of one name the last one holds, as in JSON.

    A part is a file when it has a filename, or a Content-Type that is no text. Raises InvalidForm when the body is cut
    short, malformed, of more than MAX_PARTS parts, or has a text that is no UTF-8.

    It is taken apart whole: python_multipart's parser looks at some bytes one by one, which anybody may send by the
    megabyte.
    """
    body = b"".join([b"\r\n", *[chunk async for chunk in chunks]])
    _preamble, *pieces = body.split(b"\r\n--" + boundary, MAX_PARTS + 1)
    fields: dict[str, str | bytes] = {}
    for piece in pieces:
        if piece.startswith(b"--"):
            return fields
        name, value = _field(piece)
        fields[name] = value
    raise InvalidForm(f"cut short, or more than {MAX_PARTS} parts")


def _field(piece: bytes) -> tuple[str, str | bytes]:
    """Name and content of a part: the rest of the boundary's line, headers, an empty line, the content."""
    end_of_head = piece.find(b"\r\n\r\n", 0, MAX_PART_HEAD_BYTES)
    rest_of_line, *lines = piece[: max(end_of_head, 0)].split(b"\r\n")
    if end_of_head < 0 or rest_of_line.strip(b" \t"):
        raise InvalidForm("a part without a head, or with one that is too long")
    headers: dict[bytes, str] = {}
    for line in lines:
        header, colon, text = line.partition(b":")
        if not colon:
            raise InvalidForm("a header without a colon")
        headers[header.lower()] = text.strip(b" \t").decode("latin-1")
    _, options = parse_options_header(headers.get(b"content-disposition", ""))
    content_type, _ = parse_options_header(headers.get(b"content-type", "text/plain"))
    name, content = options.get(b"name", b"").decode("latin-1"), piece[end_of_head + 4 :]
    if b"filename" in options or not content_type.startswith(b"text/"):
        return name, content
    try:
        return name, content.decode()
    except UnicodeDecodeError:
        raise InvalidForm("a text that is no UTF-8") from None
