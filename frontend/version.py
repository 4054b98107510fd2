"""What runs here: this service, the model that Triton serves, and Triton itself."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from frontend.errors import ScoringFailed
from frontend.triton_http import BadAnswer
from frontend.triton_pool import TritonPool, TritonServer


def service_version() -> str:
    """The version of the installed package, which pyproject.toml sets."""
    return version("liveness")


@dataclass(frozen=True, slots=True)
class Versions:
    """What runs; None for what cannot be known just now."""

    service: str
    model: str
    model_version: str | None
    model_sha256: str | None
    triton: str | None


class VersionSource:
    """Asks Triton which version of the model it serves, and reads that version's file in the model repository.

    Use and `close` it in one event loop. Triton has no digest to ask for: where the repository is not at hand, there
    is none.
    """

    def __init__(self, url: str, model: str, repository: Path, timeout_s: float) -> None:
        self._pool = TritonPool(url, timeout_s, partial(self._ask, "/v2"))
        self._model = model
        self._repository = repository
        self._digested: tuple[str, int, int] | None = None
        self._sha256 = ""

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    async def versions(self) -> Versions:
        """What runs now."""
        server, model = await asyncio.gather(self._get("/v2"), self._get(f"/v2/models/{self._model}"))
        served = max((str(number) for number in model.get("versions", ())), key=int, default=None)
        digest = await asyncio.to_thread(self._digest, served) if served else None
        return Versions(service_version(), self._model, served, digest, server.get("version"))

    async def _get(self, path: str) -> dict[str, Any]:
        try:
            return await self._pool.ask(partial(self._ask, path))
        except ScoringFailed:
            return {}

    async def _ask(self, path: str, server: TritonServer, timeout_s: float) -> dict[str, Any]:
        request = f"GET {path} HTTP/1.1\r\nHost: {server.authority}\r\n\r\n".encode()
        try:
            status, _, body = await server.connections.exchange([request], timeout_s)
            answer = json.loads(body)
        except (OSError, BadAnswer, asyncio.TimeoutError, ValueError, RecursionError) as error:
            raise ScoringFailed(f"Triton tells nothing of itself: {type(error).__name__}") from None
        if status != 200 or not isinstance(answer, dict):
            raise ScoringFailed(f"Triton tells nothing of itself: {status}")
        return answer

    def _digest(self, served: str) -> str | None:
        file = self._repository / self._model / served / "model.onnx"
        try:
            status = file.stat()
            state = (served, status.st_size, status.st_mtime_ns)
            if state != self._digested:
                self._sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
                self._digested = state
        except OSError:
            return None
        return self._sha256
