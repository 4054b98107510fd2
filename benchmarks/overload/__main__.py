"""`python -m benchmarks.overload`: several times more requests than can be judged; what becomes of each?"""

import asyncio
import http.client
import math
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import numpy as np
import typer

from benchmarks.lib.arrivals import Arrivals, Load
from benchmarks.lib.command import run
from benchmarks.lib.corpus import corpus
from benchmarks.lib.plots import plot_lines
from benchmarks.lib.report import RESULTS, markdown_table, save
from benchmarks.lib.resources import holdings
from benchmarks.lib.stack import Service, running_stack
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id
from frontend.settings import load_settings

LEAST_CONNECTIONS = 160
CONNECTIONS_FOR_EACH_AT_ONCE = 4
"""For each request that the service judges at once. Those hold one, and so does a quarter as many that wait; of the
others an arrival finds one free, for refusals give theirs back at once."""
POLL_S = 0.2
MODEST_SHARE = 0.02
"""Of the arrivals, those of a second key."""


class Watch(threading.Thread):
    """Asks for health and notes the memory, as an operator's monitoring does, from entry to exit."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self._service = service
        self._over = threading.Event()
        self.health_ms: list[float] = []
        self.failed = 0
        self.at_s: list[float] = []
        self.memory_bytes: list[int] = []

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Poll to the end."""
        begun_s = time.monotonic()
        address = urlsplit(self._service.url)
        while not self._over.wait(POLL_S):
            asked_s = time.monotonic()
            connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=10)
            try:
                for path in ("/healthz", "/readyz"):
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    answer.read()
                    self.failed += answer.status != 200
                self.health_ms.append(1000 * (time.monotonic() - asked_s) / 2)
            except (OSError, http.client.HTTPException):
                self.failed += 1
            finally:
                connection.close()
            if self._service.process is not None:
                self.at_s.append(time.monotonic() - begun_s)
                self.memory_bytes.append(holdings(self._service.process).memory_bytes)


def overload(
    seconds: Annotated[int, typer.Option(min=2, help="Length of the overload.")] = 60,
    times: Annotated[float, typer.Option(min=1, help="Arrivals, in multiples of what saturates.")] = 4,
    picture: Annotated[str, typer.Option(help="One of the corpus.")] = "jpeg-1280x960",
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Saturate, then overload, with two keys of which one asks for nearly everything."""
    at_once = load_settings().max_in_flight * load_settings().processes
    (chosen,) = corpus([picture])
    with running_stack() as service:
        modest = asyncio.run(_second_key(f"sqlite:///{service.folder / 'keys.sqlite3'}"))
        bodies = {"greedy": service.folder / "greedy.json", "modest": service.folder / "modest.json"}
        for name, hash_id in (("greedy", service.hash_id), ("modest", modest)):
            bodies[name].touch(mode=0o600)
            bodies[name].write_bytes(chosen.body(hash_id))

        def load(rate: float, for_s: float, connections: int) -> Arrivals:
            shares = (1 - MODEST_SHARE, MODEST_SHARE)
            url = f"{service.url}/liveness"
            return Load(
                url, bodies, shares, service.folder, rate=rate, requests=0, seconds=for_s, connections=connections
            ).wait()

        load(0, 1, 4)
        alone = load(0, max(2, seconds / 6), at_once)
        rate = float((alone.status == 201).sum() / (alone.sent_s + alone.took_s).max())
        with Watch(service) as watch:
            crowd = load(times * rate, seconds, max(LEAST_CONNECTIONS, CONNECTIONS_FOR_EACH_AT_ONCE * at_once))
    results = _figures(alone, crowd, rate, watch)
    plot_lines(
        out / "overload.png",
        {"memory of all processes, MB": {"": (watch.at_s, [b / 1e6 for b in watch.memory_bytes])}},
        ["seconds of overload"],
    )
    table = markdown_table(["measure", "figure"], [(name, _short(value)) for name, value in results.items()])
    save(out, "overload", results, table)


def _figures(alone: Arrivals, crowd: Arrivals, rate: float, watch: Watch) -> dict[str, Any]:
    judged, refused = crowd.status == 201, crowd.status == 503
    modest = crowd.kind == crowd.kinds.index("modest")
    free_p99_ms = alone.percentile_ms(alone.status == 201, 99)
    p99_ms = crowd.percentile_ms(judged, 99)
    tenth = max(1, len(watch.memory_bytes) // 10)
    early, late = (
        float(np.median(part)) for part in (watch.memory_bytes[tenth : 3 * tenth], watch.memory_bytes[-tenth:])
    )
    return {
        "saturation, verdicts a second": rate,
        "saturated p99, ms": free_p99_ms,
        "requests": len(crowd.status),
        "arrivals a second": len(crowd.status) / float(crowd.sent_s.max()),
        "verdicts a second": float(judged.sum() / (crowd.sent_s + crowd.took_s).max()),
        "accepted p50, ms": crowd.percentile_ms(judged, 50),
        "accepted p99, ms": p99_ms,
        "accepted p99 / saturated p99": p99_ms / free_p99_ms,
        "refused": int(refused.sum()),
        "refused p50, ms": crowd.percentile_ms(refused, 50),
        "refused p99, ms": crowd.percentile_ms(refused, 99),
        "refused in under 50 ms, share": float((crowd.took_s[refused] < 0.05).mean()) if refused.any() else math.nan,
        "refused without Retry-After": int((refused & ~crowd.retry_after).sum()),
        "other answers": int((~judged & ~refused).sum()),
        "judged of the modest key, share": float(judged[modest].mean()) if modest.any() else math.nan,
        "judged of the greedy key, share": float(judged[~modest].mean()),
        "health, longest ms": max(watch.health_ms, default=math.nan),
        "health checks failed": watch.failed,
        "memory growth, share": late / early - 1,
    }


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3g}"


async def _second_key(keys_url: str) -> str:
    hash_id = new_hash_id()
    store = key_store(keys_url, 5.0)
    await store.open()
    try:
        await store.create(digest_of(hash_id), KeyRecord("modest", None, 0, datetime.now(timezone.utc)))
    finally:
        await store.close()
    return hash_id


if __name__ == "__main__":
    run(overload)
