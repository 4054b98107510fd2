"""The usual tutorial: a FastAPI endpoint with ONNX Runtime in the same process. No keys, no limits, no Triton."""

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.peers.plain import PlainModel


class LivenessBody(BaseModel):
    """The documented body."""

    hash_id: str
    selfie_image: str


def create_app() -> FastAPI:
    """The application, for `uvicorn --factory`."""
    app = FastAPI()
    model = PlainModel()

    @app.post("/liveness", status_code=201)
    def liveness(body: LivenessBody) -> dict[str, Any]:
        return model.judge(body.selfie_image)

    return app
