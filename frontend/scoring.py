"""The two crops → P(live), by the anti-spoof model on Triton Inference Server."""

import asyncio
import math

import aiohttp
import numpy as np
import tritonclient.http.aio as triton
from tritonclient.utils import InferenceServerException

from frontend.crops import CROP_SIDE_PIXELS, Crops
from frontend.errors import ScoringFailed
from frontend.images import RgbImage

_SHAPE = [1, CROP_SIDE_PIXELS, CROP_SIDE_PIXELS, 3]


class TritonScorer:
    """A client of one model of one Triton server, over HTTP with kept connections.

    Make it inside the running event loop and `close` it there. `timeout_s` bounds one score, connecting included.
    """

    def __init__(self, url: str, model: str, timeout_s: float, max_connections: int) -> None:
        self._model = model
        self._client = triton.InferenceServerClient(url, conn_limit=max_connections, conn_timeout=timeout_s)
        self._outputs = [triton.InferRequestedOutput("live", binary_data=True)]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def score(self, crops: Crops) -> float:
        """P(live) in [0, 1].

        Raises ScoringFailed when Triton is away, refuses, is too slow, or answers anything but one number in [0, 1]:
        such an answer is never a verdict.
        """
        inputs = [_input("context", crops.context), _input("face", crops.face)]
        try:
            answer = await self._client.infer(self._model, inputs, outputs=self._outputs)
            live = answer.as_numpy("live")
        except InferenceServerException as error:
            raise ScoringFailed(f"Triton refused: {error.status() or error.message()}") from None
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise ScoringFailed(f"Triton is away or too slow: {type(error).__name__}") from None
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ScoringFailed(f"Triton's answer cannot be read: {type(error).__name__}") from None
        if live is None or live.shape != (1, 1) or live.dtype != np.float32:
            raise ScoringFailed("Triton's answer is not one float32")
        score = float(live[0, 0])
        if not (math.isfinite(score) and 0.0 <= score <= 1.0):
            raise ScoringFailed("Triton's answer is no probability")
        return score

    async def probe(self) -> None:
        """Try a real inference: Triton calls itself ready even while a model's process is dead."""
        grey = np.full(_SHAPE[1:], 127, np.uint8)
        await self.score(Crops(context=grey, face=grey))


def _input(name: str, crop: RgbImage) -> triton.InferInput:
    tensor = triton.InferInput(name, _SHAPE, "UINT8")
    tensor.set_data_from_numpy(crop[np.newaxis])
    return tensor
