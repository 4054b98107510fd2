"""The log: one JSON object a line, one line a request, and nothing personal in it."""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from frontend.logs import FIELDS, JsonLines
from tests.conftest import data_uri, within
from tests.observability.conftest import Workers


def lines_of(log: Path, request_id: str, deadline_s: float = 10) -> list[dict[str, object]]:
    end_s = time.monotonic() + deadline_s
    while time.monotonic() < end_s:
        if f'"{request_id}"' in log.read_text():
            break
        time.sleep(0.05)
    return [line for line in parsed(log) if line.get("request_id") == request_id]


def parsed(log: Path) -> list[dict[str, object]]:
    """Every line but the console's own few words at the start."""
    return [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]


def test_each_request_is_one_line(workers: Workers, workers_key: Callable[..., str], portrait_jpeg: bytes) -> None:
    hash_id = workers_key("somebody", limit=1)
    picture = data_uri(portrait_jpeg)
    expected = [(201, "live"), (429, "limit_reached")]
    for number, (status, outcome) in enumerate(expected):
        answer = httpx.post(
            f"{workers.url}/liveness",
            json={"hash_id": hash_id, "selfie_image": picture},
            headers={"X-Request-ID": f"log-{number}"},
            trust_env=False,
            timeout=20,
        )
        assert answer.status_code == status
        (line,) = lines_of(workers.log, f"log-{number}")
        assert (line["status"], line["outcome"], line["route"]) == (status, outcome, "/liveness")
        assert 0 < float(str(line["ms"])) < 20_000
        assert {"time", "level", "logger", "message", "method"} <= set(line)
        (record,) = lines_of(workers.log.parent / "audit.jsonl", f"log-{number}")
        assert (record["key"], record["outcome"]) == ("somebody", outcome)
    batch = {"hash_id": hash_id, "selfie_images": [picture, ""]}
    httpx.post(f"{workers.url}/liveness/batch", json=batch, headers={"X-Request-ID": "log-batch"}, trust_env=False)
    (line,) = lines_of(workers.log, "log-batch")
    assert (line["outcome"], line["detail"]) == ("batch", "2 limit_reached")
    httpx.get(f"{workers.url}/healthz", headers={"X-Request-ID": "log-probe"}, trust_env=False)
    httpx.get(f"{workers.url}/secret-path", headers={"X-Request-ID": "log-path"}, trust_env=False)
    (line,) = lines_of(workers.log, "log-path")
    assert (line["route"], line["status"]) == ("other", 404)
    text = workers.log.read_text()
    for kept_out in (hash_id[:8], picture[30:60], "somebody", "secret-path", "log-probe"):
        assert kept_out not in text


def test_everything_after_the_start_is_json(workers: Workers) -> None:
    text = workers.log.read_text().splitlines()
    console = [line for line in text if not line.startswith("{")]
    assert all(
        line.startswith(("starting Triton", "Triton answers at", "its log is", " ", "/")) or not line.strip()
        for line in console
    ), console
    uvicorn = [line for line in parsed(workers.log) if str(line["logger"]).startswith("uvicorn")]
    assert uvicorn
    assert all(set(line) >= {"time", "level", "logger", "message"} for line in uvicorn)


@pytest.mark.parametrize("text", ["/data-\udcff", "a\ud800b", '\x00\u2028\n"', "北京"])
def test_whatever_a_record_holds_it_is_one_line_of_json(text: str) -> None:
    record = logging.LogRecord("logger", logging.INFO, "", 0, "%s", (text,), None)
    setattr(record, FIELDS, {"detail": text})
    (line,) = JsonLines().format(record).encode().split(b"\n")
    told = json.loads(line)
    assert told["message"] == told["detail"] == text


def test_a_closed_standard_error_keeps_nobody_from_starting() -> None:
    start = "from frontend.logs import start_logging; start_logging('info', 'auto'); print('started')"
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, start], capture_output=True, check=True
    )
    assert done.stdout == b"started\n"


def test_text_when_asked_for(without_triton: Workers) -> None:
    url = f"{without_triton.url}/liveness"
    httpx.post(url, content=b"x", headers={"X-Request-ID": "as-text"}, timeout=20, trust_env=False)
    assert within(10, lambda: "request_id=as-text" in without_triton.log.read_text())  # logged once it is answered
    (line,) = [line for line in without_triton.log.read_text().splitlines() if "request_id=as-text" in line]
    assert "status=400" in line
    assert "outcome=invalid_body" in line
