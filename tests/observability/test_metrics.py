"""GET /metrics tells what was done, right across processes, and tells nobody's name."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import httpx
import psutil
import pytest

from frontend.app import create_app
from frontend.images import RgbImage
from frontend.keys.store import KeyRecord, new_hash_id
from frontend.settings import Settings
from tests.conftest import _create, data_uri, jpeg_of, recaptured_on_a_screen
from tests.observability.conftest import Workers
from tests.scraping import Samples, scrape, value


def post(workers: Workers, path: str = "/liveness", **body: object) -> int:
    """Over a connection of its own, so that either process may be the one that serves it."""
    return httpx.post(workers.url + path, json=body, timeout=30, trust_env=False).status_code


def judged(samples: Samples) -> dict[str, float]:
    """Reason → number of pictures, without those that are 0."""
    return {
        dict(labels)["reason"]: count
        for (name, labels), count in samples.items()
        if name == "liveness_judgements_total" and count
    }


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {name: count - before.get(name, 0) for name, count in after.items() if count != before.get(name, 0)}


def test_every_outcome_is_counted_once_whichever_process_served_it(
    workers: Workers, workers_key: Callable[..., str], portrait: RgbImage, portrait_jpeg: bytes
) -> None:
    before = scrape(workers.url)
    hash_id, live = workers_key(), data_uri(portrait_jpeg)
    attack = data_uri(jpeg_of(recaptured_on_a_screen(portrait)))
    for picture in [live] * 5 + [attack] * 3 + [data_uri(jpeg_of(portrait[:200, :200] // 8)), "", "no base64!"]:
        post(workers, hash_id=hash_id, selfie_image=picture)
    post(workers, hash_id="unknown", selfie_image=live)
    post(workers, hash_id=workers_key(limit=0), selfie_image=live)
    assert post(workers, "/liveness/batch", hash_id=hash_id, selfie_images=[live, attack, ""]) == 200
    assert post(workers, "/no/such/path") == 404

    after = scrape(workers.url)
    assert difference(judged(after), judged(before)) == {
        "live": 6,
        "attack": 4,
        "face_not_found": 1,
        "image_missing": 2,
        "invalid_image": 1,
        "invalid_credentials": 1,
        "limit_reached": 1,
    }
    for name, labels, more in [
        ("liveness_http_requests_total", {"route": "/liveness", "status": "201"}, 9),
        ("liveness_http_requests_total", {"route": "/liveness", "status": "400"}, 2),
        ("liveness_http_requests_total", {"route": "/liveness/batch", "status": "200"}, 1),
        ("liveness_http_requests_total", {"route": "other", "status": "404"}, 1),
        ("liveness_http_request_duration_seconds_count", {"route": "/liveness"}, 13),
        ("liveness_score_count", {"verdict": "live"}, 6),
        ("liveness_score_count", {"verdict": "attack"}, 4),
        ("liveness_score_bucket", {"verdict": "live", "le": "0.45"}, 0),
        ("liveness_score_bucket", {"verdict": "attack", "le": "0.5"}, 4),
        ("liveness_stage_duration_seconds_count", {"stage": "score"}, 10),
        ("liveness_stage_duration_seconds_count", {"stage": "count"}, 11),
    ]:
        assert value(after, name, **labels) - value(before, name, **labels) == more, (name, labels)
    assert value(after, "liveness_requests_in_flight") == 0


def test_scores_that_triton_did_not_give_and_refusals_are_counted(
    without_triton: Workers, portrait_jpeg: bytes
) -> None:
    """In one process, which counts without files."""
    hash_id = new_hash_id()
    record = KeyRecord("a", None, 0, datetime.now(timezone.utc))
    asyncio.run(_create(without_triton.keys_url, hash_id, record))
    body = {"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}
    before = scrape(without_triton.url)

    async def flood() -> list[str]:
        async with httpx.AsyncClient(base_url=without_triton.url, timeout=30, trust_env=False) as http:
            answers = await asyncio.gather(*(http.post("/liveness", json=body) for _ in range(30)))
        assert {answer.status_code for answer in answers} == {503}
        return [answer.json()["error"] for answer in answers]

    busy = sum("busy" in error for error in asyncio.run(flood()))
    after = scrape(without_triton.url)
    assert 0 < busy < 30
    assert difference(judged(after), judged(before)) == {"overloaded": busy, "scoring_failed": 30 - busy}
    for name, more in [("liveness_queue_refusals_total", busy), ("liveness_triton_errors_total", 30 - busy)]:
        assert value(after, name) - value(before, name) == more


def test_names_of_keys_are_shown_up_to_the_cap_and_nothing_else_of_them(
    workers: Workers, workers_key: Callable[..., str], portrait_jpeg: bytes
) -> None:
    picture = data_uri(portrait_jpeg)
    near_before = value(scrape(workers.url), "liveness_verdicts_near_limit_total")
    hash_ids = [workers_key(name, limit=2) for name in ("first", "second", "third", "fourth", "fifth")]
    for hash_id in hash_ids:
        for _ in range(2):
            assert post(workers, hash_id=hash_id, selfie_image=picture) == 201
    samples = scrape(workers.url)
    named = {dict(labels)["key"]: used for (name, labels), used in samples.items() if name == "liveness_key_used_ratio"}
    assert named.pop("first") == 1
    assert 1 <= len(named) <= 3  # two for each process
    assert value(samples, "liveness_verdicts_near_limit_total") - near_before == len(hash_ids)
    text = httpx.get(f"{workers.url}/metrics", trust_env=False).text
    assert not [hash_id for hash_id in hash_ids if hash_id[:8] in text]


def test_what_a_killed_process_counted_stays_and_what_it_had_in_flight_goes(
    workers: Workers, workers_key: Callable[..., str], portrait_jpeg: bytes
) -> None:
    assert post(workers, hash_id=workers_key(), selfie_image=data_uri(portrait_jpeg)) == 201
    before = scrape(workers.url)
    host, port = workers.url.removeprefix("http://").split(":")
    with contextlib.ExitStack() as connections:
        for _ in range(4):
            connection = connections.enter_context(socket.create_connection((host, int(port))))
            connection.sendall(b"POST /liveness HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        until(lambda: value(scrape(workers.url), "liveness_requests_in_flight") == 4)
        old = workers.pids()
        for pid in old:
            os.kill(pid, signal.SIGKILL)
        until(lambda: len(workers.pids() - old) == 2 and not any(psutil.pid_exists(pid) for pid in old))
    until(lambda: answers(workers))
    after = scrape(workers.url)
    assert value(after, "liveness_requests_in_flight") == 0
    assert judged(after) == judged(before)
    assert post(workers, hash_id=workers_key(), selfie_image=data_uri(portrait_jpeg)) == 201
    assert difference(judged(scrape(workers.url)), judged(before)) == {"live": 1}


def answers(workers: Workers) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{workers.url}/healthz", trust_env=False).status_code == 200
    return False


def until(happened: Callable[[], bool], timeout_s: float = 30) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


COUNTS_ALL = """
import os
from frontend.metrics import FOLDER_VARIABLE, Metrics
from frontend.routes.request_watch import EndedRequest

def blocks():
    return {file.name: file.stat().st_blocks for file in os.scandir(os.environ[FOLDER_VARIABLE])}

metrics = Metrics(100)
before = blocks()
metrics.request_begun("/liveness")
for route in range(15):
    for status in range(15):
        metrics.request_ended(EndedRequest("", "POST", "/", f"/liveness/{route}", 200 + status, 0.1, "", ""))
for stage in range(11):
    metrics._known_stage(f"authenticate{stage}").observe(0.1)
for key in range(100):
    metrics._observe_key(f"a customer of ours {key}", 0.5)
print(len(before), blocks() == before)
"""


def test_a_disk_that_fills_up_kills_no_process_that_counts(tmp_path: Path) -> None:
    """All that is counted has its room from the start on, for writing where there is none is the end of a process."""
    there = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", COUNTS_ALL], env=there, capture_output=True, text=True, check=True)
    assert done.stdout == "5 True\n"


@pytest.mark.parametrize("version", ["0.0.4", '"0.0.4"', "1.0.0", '"1.0.0"', "latest", ""])
@pytest.mark.parametrize("media_type", ["text/plain", "application/openmetrics-text"])
def test_whatever_version_a_scrape_asks_for_it_gets_text(tmp_path: Path, media_type: str, version: str) -> None:
    app = create_app(Settings(data_dir=tmp_path))

    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
            return await http.get("/metrics", headers={"Accept": f"{media_type}; version={version}"})

    answered = asyncio.run(answer())
    assert answered.status_code == 200
    assert "liveness_build_info" in answered.text


def test_they_can_be_turned_off(tmp_path: Path) -> None:
    async def status(*, metrics: bool) -> int:
        app = create_app(Settings(data_dir=tmp_path, metrics=metrics))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
            return (await http.get("/metrics")).status_code

    assert asyncio.run(status(metrics=False)) == 404
    assert asyncio.run(status(metrics=True)) == 200
