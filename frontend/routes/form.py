"""A multipart/form-data body (RFC 7578) → its fields, in memory alone: no part of a picture ever comes to a disk."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from frontend.errors import InvalidForm

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PARTS = 16


def boundary_in(content_type: str) -> bytes | None:
    """The boundary of a multipart/form-data Content-Type; None for any other type, or where it is absent."""
    media_type, options = parse_options_header(content_type)
    return options.get(b"boundary") or None if media_type == b"multipart/form-data" else None


async def form_fields(chunks: AsyncIterator[bytes], boundary: bytes) -> dict[str, str | bytes]:
    """Field → its text, or the bytes of its file; of several fields of one name the last one holds, as in JSON.

    A part is a file when it has a filename, or a Content-Type that is no text. Raises InvalidForm when the body is cut
    short, malformed, of more than MAX_PARTS parts, or has a text that is no UTF-8.
    """
    form = _Form()
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for chunk in chunks:
            parser.write(chunk)
        parser.finalize()
    except FormParserError as error:
        raise InvalidForm(f"malformed: {type(error).__name__}") from None
    if not form.complete:
        raise InvalidForm("cut short")
    return form.fields


class _Form:
    """What the parser calls, part by part."""

    def __init__(self) -> None:
        self.fields: dict[str, str | bytes] = {}
        self.complete = False
        self._parts = 0

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._complete,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise InvalidForm(f"more than {MAX_PARTS} parts")
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._content: list[bytes] = []

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._content.append(data[start:end])

    def _end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        content_type, _ = parse_options_header(self._headers.get(b"content-type", b"text/plain").decode("latin-1"))
        content = b"".join(self._content)
        name = options.get(b"name", b"").decode("latin-1")
        if b"filename" in options or not content_type.startswith(b"text/"):
            self.fields[name] = content
            return
        try:
            self.fields[name] = content.decode()
        except UnicodeDecodeError:
            raise InvalidForm("a text that is no UTF-8") from None

    def _complete(self) -> None:
        self.complete = True
