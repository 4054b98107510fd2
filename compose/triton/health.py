"""The health check of Triton's container: healthy means that an inference was made.

Triton calls itself ready even where it answers no inference, and Docker leaves an unhealthy container as it is.
So a server that has ceased to judge is ended here, and the container's restart policy starts it anew. Standard library
only, for the Python of any Triton image.
"""

import http.client
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

FAILURES = Path("/tmp/failures")  # noqa: S108  a file system of the container's own; `start` removes it
PATIENCE = 3
PATIENCE_AT_START = 24
CROP_BYTES = 128 * 128 * 3
BUSY_WORDS = ("exceeds maximum queue size", "timeout expired")


def infer(model: str) -> tuple[int, str]:
    """Status and body of the answer to one black crop."""
    size = {"binary_data_size": CROP_BYTES}
    inputs = [{"name": "face", "shape": [1, 128, 128, 3], "datatype": "UINT8", "parameters": size}]
    header = json.dumps({"inputs": inputs}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
    headers = {"Inference-Header-Content-Length": str(len(header))}
    connection.request("POST", f"/v2/models/{model}/infer", header + bytes(CROP_BYTES), headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def patience_with(model: str) -> int:
    """How many failures such as this one in a row are borne; 0 where there is none: a score, or only a full queue.

    Triton listens once its models are loaded: who refuses connections is still at that.
    """
    try:
        status, body = infer(model)
        print(status, body[:300])
        if status == http.client.OK:
            return 0 if 0 <= json.loads(body)["outputs"][0]["data"][0] <= 1 else PATIENCE
        return 0 if any(words in body.lower() for words in BUSY_WORDS) else PATIENCE
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        print(type(error).__name__, error)
        return PATIENCE_AT_START if isinstance(error, ConnectionRefusedError) else PATIENCE


def end_server() -> None:
    """Kill tritonserver, and with it the container."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if (process / "comm").read_text().strip() == "tritonserver":
                os.kill(int(process.name), signal.SIGKILL)


def main() -> int:
    """The exit status that Docker asks for."""
    patience = patience_with(os.environ["LIVENESS_TRITON_MODEL"])
    if patience == 0:
        FAILURES.unlink(missing_ok=True)
        return 0
    failures = int(FAILURES.read_text()) + 1 if FAILURES.exists() else 1
    FAILURES.write_text(str(failures))
    if failures >= patience:
        end_server()
    return 1


if __name__ == "__main__":
    sys.exit(main())
