"""A client of the liveness service in one file: Python 3.10 or newer, nothing but the standard library.

    client = LivenessClient("http://127.0.0.1:5001", hash_id="…")
    verdict = client.judge(Path("selfie.jpg"))
    verdict.is_live, verdict.liveness_score

From a shell: python3 liveness_client.py selfie.jpg [more.jpg …], with LIVENESS_URL and LIVENESS_HASH_ID set.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

RETRIED_STATUSES = frozenset({502, 503, 504})
THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True)
class Verdict:
    """`liveness_score` is P(live); `message` is "Success", or says why no face was judged."""

    is_live: bool
    liveness_score: float
    message: str


class LivenessError(Exception):
    """The service gave no verdict: `status` is the answer's, and the text what it says."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Unavailable(LivenessError):
    """It gave none after every attempt; `status` is 0 where no answer came.

    Nothing was counted, unless an answer was lost on the way.
    """


class LivenessClient:
    """Asks one service with one hash_id.

    An answer of 502, 503 or 504 and a refused connection are tried again, `attempts` times in all: after as many
    seconds as Retry-After says where it is there, else after `backoff_s`, twice that, and so on, each a little
    different for every client. An answer that was lost on the way is not asked for again, since its verdict may have
    been counted. A service on this very machine is asked directly, whatever proxy the environment names.
    """

    def __init__(
        self, url: str, hash_id: str, *, timeout_s: float = 30.0, attempts: int = 4, backoff_s: float = 0.5
    ) -> None:
        self._url = url.rstrip("/")
        self._hash_id = hash_id
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._backoff_s = backoff_s
        directly = urllib.parse.urlsplit(url).hostname in THIS_MACHINE
        self._opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if directly else []))

    def judge(self, image: Path | bytes) -> Verdict:
        """Judge one PNG or JPEG file; raises LivenessError."""
        status, body = self._post("/liveness", {"hash_id": self._hash_id, "selfie_image": _base64(image)})
        return _verdict(status, body)

    def judge_all(self, images: Sequence[Path | bytes]) -> list[Verdict | LivenessError]:
        """Judge several in one call: a verdict, or the error in its place, for each in order; raises LivenessError."""
        pictures = [_base64(image) for image in images]
        status, body = self._post("/liveness/batch", {"hash_id": self._hash_id, "selfie_images": pictures})
        if status != 200 or "results" not in body:
            raise _error(status, body)
        return [_outcome(result["status"], result["body"]) for result in body["results"]]

    def _post(self, path: str, content: dict[str, object]) -> tuple[int, dict[str, Any]]:
        data = json.dumps(content).encode()
        for attempt in range(1, self._attempts + 1):
            request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"})  # noqa: S310
            try:
                with self._opener.open(request, timeout=self._timeout_s) as answer:
                    return answer.status, _object_in(answer.read())
            except urllib.error.HTTPError as error:
                text = _text_of(error)
                if error.code not in RETRIED_STATUSES or attempt == self._attempts:
                    return error.code, _object_in(text)
                self._wait(attempt, error.headers.get("Retry-After", ""))
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionRefusedError) or attempt == self._attempts:
                    raise Unavailable(0, str(error.reason)) from None
                self._wait(attempt, "")
            except (OSError, http.client.HTTPException) as error:
                raise Unavailable(0, f"the answer was lost: {type(error).__name__}") from None
        raise ValueError("attempts is less than 1")

    def _wait(self, attempt: int, retry_after: str) -> None:
        seconds = float(retry_after) if retry_after.isdecimal() else self._backoff_s * 2 ** (attempt - 1)
        time.sleep(seconds * random.uniform(1.0, 1.2))  # noqa: S311


def _base64(image: Path | bytes) -> str:
    return base64.b64encode(image if isinstance(image, bytes) else image.read_bytes()).decode()


def _text_of(refusal: urllib.error.HTTPError) -> bytes:
    """As much of its body as there is: the status is known, whatever becomes of the rest."""
    with refusal:
        try:
            return refusal.read()
        except (OSError, http.client.HTTPException):
            return b""


def _object_in(text: bytes) -> dict[str, Any]:
    """The answer; of a proxy before the service, which may answer with a page, its text as an error."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"error": text[:200].decode(errors="replace")}


def _verdict(status: int, body: dict[str, Any]) -> Verdict:
    if status != 201 or "liveness_result" not in body:
        raise _error(status, body)
    result = body["liveness_result"]
    return Verdict(bool(result["is_live"]), float(result["liveness_score"]), body["message"])


def _outcome(status: int, body: dict[str, Any]) -> Verdict | LivenessError:
    return _verdict(status, body) if status == 201 else _error(status, body)


def _error(status: int, body: dict[str, Any]) -> LivenessError:
    text = body.get("error") or body.get("message") or ""
    return (Unavailable if status in RETRIED_STATUSES else LivenessError)(status, text)


def _tell(client: LivenessClient, name: str) -> bool:
    try:
        print(name, client.judge(Path(name)))
    except (LivenessError, OSError) as error:
        print(name, error, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    if len(sys.argv) < 2 or "LIVENESS_HASH_ID" not in os.environ:
        sys.exit(__doc__)
    client = LivenessClient(os.environ.get("LIVENESS_URL", "http://127.0.0.1:5001"), os.environ["LIVENESS_HASH_ID"])
    told = [_tell(client, name) for name in sys.argv[1:]]
    sys.exit(0 if all(told) else 1)
