"""The crop of a face → P(live), by the anti-spoof model on Triton Inference Server."""

import asyncio
import json
import math
import struct
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import numpy as np

from frontend.crops import CROP_SIDE_PIXELS
from frontend.errors import ScoringFailed
from frontend.images import RgbImage
from frontend.triton_http import BadAnswer
from frontend.triton_pool import TritonPool, TritonServer

_SHAPE = (CROP_SIDE_PIXELS, CROP_SIDE_PIXELS, 3)
_CROP_BYTES = math.prod(_SHAPE)


class TritonScorer:
    """A client of one model of one Triton server or of several alike, as `TritonPool` takes them from `url`.

    Use and `close` it in one event loop. `timeout_s` bounds one score, whoever is asked for it. `trace_header` gives a
    header line, or nothing, that a request is sent with.
    """

    def __init__(self, url: str, model: str, timeout_s: float, trace_header: Callable[[], bytes] | None = None) -> None:
        grey = np.full(_SHAPE, 127, np.uint8)
        self._trial = partial(self._ask, grey)
        self._pool = TritonPool(url, timeout_s, self._trial)
        self._model = model
        self._request_heads: dict[str, bytes] = {}
        self._trace_header = trace_header

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    async def score(self, crop: RgbImage) -> float:
        """P(live) in [0, 1].

        Raises ScoringFailed when Triton is away, refuses, is too slow, or answers anything but one number in [0, 1]:
        such an answer is never a verdict.
        """
        return await self._pool.ask(partial(self._ask, crop))

    async def probe(self) -> None:
        """Try a real inference: Triton calls itself ready even while a model does not answer."""
        await self._pool.ask_each(self._trial)

    def servers(self) -> Mapping[str, str]:
        """Each server's address → "ok", or why it is left out at the moment."""
        return self._pool.states()

    async def _ask(self, crop: RgbImage, server: TritonServer, timeout_s: float) -> float:
        head = self._request_heads.get(server.authority) or self._make_head(server.authority)
        if self._trace_header:
            line, rest = head.split(b"\r\n", 1)
            head = line + b"\r\n" + self._trace_header() + rest
        request = (head, _bytes_of(crop))
        try:
            status, headers, body = await server.connections.exchange(request, timeout_s)
        except (OSError, BadAnswer, asyncio.TimeoutError) as error:
            raise ScoringFailed(f"Triton is away, too slow or broken: {type(error).__name__}") from None
        if status != 200:
            raise ScoringFailed(f"Triton refused: {status}")
        return _score_in(headers, body)

    def _make_head(self, authority: str) -> bytes:
        return self._request_heads.setdefault(authority, _request_head(authority, self._model))


def _request_head(authority: str, model: str) -> bytes:
    """All of a request but the crop's bytes: it is the same for each."""
    size = {"binary_data_size": _CROP_BYTES}
    inputs = [{"name": "face", "shape": [1, *_SHAPE], "datatype": "UINT8", "parameters": size}]
    outputs = [{"name": "live", "parameters": {"binary_data": True}}]
    description = json.dumps({"inputs": inputs, "outputs": outputs}).encode()
    head = (
        f"POST /v2/models/{model}/infer HTTP/1.1\r\n"
        f"Host: {authority}\r\n"
        "Content-Type: application/octet-stream\r\n"
        f"Inference-Header-Content-Length: {len(description)}\r\n"
        f"Content-Length: {len(description) + _CROP_BYTES}\r\n\r\n"
    )
    return head.encode() + description


def _bytes_of(crop: RgbImage) -> memoryview:
    return np.ascontiguousarray(crop).data.cast("B")


def _score_in(headers: dict[bytes, bytes], body: bytes) -> float:
    try:
        split = int(headers[b"inference-header-content-length"])
        _require_one_score(body[:split])
        (score,) = struct.unpack("<f", body[split:])
    except (ValueError, KeyError, TypeError, RecursionError, struct.error) as error:
        raise ScoringFailed(f"Triton's answer cannot be read: {type(error).__name__}") from None
    if not 0.0 <= score <= 1.0:  # which NaN is not either
        raise ScoringFailed("Triton's answer is no probability")
    return float(score)


@lru_cache(maxsize=16)  # Triton describes every answer of a model's version in the same words
def _require_one_score(description: bytes) -> None:
    (output,) = json.loads(description)["outputs"]
    if (output["name"], output["datatype"], output["shape"]) != ("live", "FP32", [1, 1]):
        raise ScoringFailed("Triton's answer is not one float32 named live")
