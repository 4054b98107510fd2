"""The same behind LitServe, with one worker process a core. `python -m benchmarks.peers.litserve_app PORT`."""

import sys
from typing import Any

import litserve

from benchmarks.peers.plain import PlainModel
from frontend.cores import usable_cores


class LivenessApi(litserve.LitAPI):  # type: ignore[misc]  # LitServe has no types
    """What LitServe asks for: a model to set up in each worker, and its answer."""

    def setup(self, device: str) -> None:
        """Load the networks."""
        self._model = PlainModel()

    def predict(self, body: dict[str, str]) -> dict[str, Any]:
        """Judge one picture."""
        return self._model.judge(body["selfie_image"])


if __name__ == "__main__":
    server = litserve.LitServer(
        LivenessApi(api_path="/liveness"), accelerator="cpu", devices=1, workers_per_device=usable_cores()
    )
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning")
