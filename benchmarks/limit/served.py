"""The stages of a request as the service itself times them, beside what its client waits."""

import http.client
import re
import statistics
import threading
import time
from urllib.parse import urlsplit

from benchmarks.lib.command import Unable
from benchmarks.lib.corpus import Picture
from benchmarks.lib.stack import Service
from benchmarks.lib.work import Stages

_ENTRY = re.compile(r"([\w-]+);dur=([\d.]+)")
OUTSIDE = "outside (HTTP, the body, the client)"
WHOLE = "whole"


def served_stages(service: Service, picture: Picture, concurrency: int, seconds: float) -> Stages:
    """Median milliseconds by stage over requests made so many at once; the service must send Server-Timing."""
    body = picture.body(service.hash_id)
    requests: list[Stages] = []
    end_s = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_ask, args=(urlsplit(service.url).netloc, body, end_s, requests))
        for _ in range(concurrency)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not requests:
        raise Unable("the service answered nothing with a Server-Timing header")
    return {stage: statistics.median(request.get(stage, 0.0) for request in requests) for stage in requests[0]}


def _ask(address: str, body: bytes, end_s: float, requests: list[Stages]) -> None:
    connection = http.client.HTTPConnection(address, timeout=30)
    while time.perf_counter() < end_s:
        begun_s = time.perf_counter()
        connection.request("POST", "/liveness", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        whole_ms = 1000 * (time.perf_counter() - begun_s)
        if stages := {name: float(ms) for name, ms in _ENTRY.findall(answer.headers.get("Server-Timing", ""))}:
            requests.append({**stages, OUTSIDE: whole_ms - sum(stages.values()), WHOLE: whole_ms})
    connection.close()
