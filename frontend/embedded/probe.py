"""Questions put to a Triton server over plain HTTP, each with a timeout, with nothing but the standard library."""

import http.client
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from frontend.errors import LivenessError

Crops = Mapping[str, npt.NDArray[np.uint8]]
Scores = npt.NDArray[np.float32]
BUSY_WORDS = ("exceeds maximum queue size", "request timeout expired")


class ProbeFailed(LivenessError):
    """The server did not answer in time, or did not answer as it should."""


class ServerBusy(ProbeFailed):
    """The server lives and refused the question because its queue is full."""


class Probe:
    """Asks the server at `address` ("host:port") about the model `model`."""

    def __init__(self, address: str, model: str) -> None:
        self._address = address
        self._model = model

    def server_id(self, timeout_s: float) -> str:
        """The name that the server was started with (`--id`); ProbeFailed if there is none."""
        body = self._exchange("GET", "/v2", timeout_s)[1]
        try:
            return str(json.loads(body)["name"])
        except (ValueError, KeyError, TypeError):
            raise ProbeFailed(f"what listens on {self._address} is no Triton server") from None

    def is_ready(self, timeout_s: float) -> bool:
        """Whether the model is loaded; that says nothing of whether it works."""
        try:
            self._exchange("GET", f"/v2/models/{self._model}/ready", timeout_s)
        except ProbeFailed:
            return False
        return True

    def infer(self, crops: Crops, timeout_s: float) -> Scores:
        """P(live), float32 [n,1], of crops given as uint8 RGB [n,128,128,3] by input name; ProbeFailed otherwise."""
        inputs = [
            {"name": name, "shape": list(c.shape), "datatype": "UINT8", "parameters": {"binary_data_size": c.nbytes}}
            for name, c in crops.items()
        ]
        outputs = [{"name": "live", "parameters": {"binary_data": True}}]
        header = json.dumps({"inputs": inputs, "outputs": outputs}).encode()
        body = header + b"".join(c.tobytes() for c in crops.values())
        headers = {"Inference-Header-Content-Length": str(len(header))}
        answer, content = self._exchange("POST", f"/v2/models/{self._model}/infer", timeout_s, body, headers)
        return _parse_scores(answer, content, len(next(iter(crops.values()))))

    def _exchange(
        self,
        method: str,
        path: str,
        timeout_s: float,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self._address, timeout=timeout_s)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise ProbeFailed(f"no answer from {self._address}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            text = content[:500].decode(errors="replace")
            kind = ServerBusy if any(words in text.lower() for words in BUSY_WORDS) else ProbeFailed
            raise kind(f"{path} was answered with {response.status}: {text}")
        return response, content


def _parse_scores(response: http.client.HTTPResponse, content: bytes, count: int) -> Scores:
    try:
        length = int(response.headers["Inference-Header-Content-Length"])
        output: dict[str, Any] = json.loads(content[:length])["outputs"][0]
        scores = np.frombuffer(content[length:], np.float32)
        if output["datatype"] != "FP32" or output["shape"] != [count, 1] or scores.size != count:
            raise ProbeFailed(f"expected {count} scores, got {scores.size} as {output['datatype']} {output['shape']}")
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ProbeFailed(f"the answer cannot be read: {type(error).__name__}: {error}") from error
    return scores.reshape(count, 1)
