"""What a request costs each tier, measured: processor time by process, bytes, and the database's time for one key."""

import asyncio
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.lib.command import Unable
from benchmarks.lib.corpus import Picture
from benchmarks.lib.load import Load, closed_loop, open_loop
from benchmarks.lib.stack import Service, running_stack
from frontend.crops import CROP_SIDE_PIXELS
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id

CROP_BYTES = CROP_SIDE_PIXELS**2 * 3
CLIENTS_AT_ONCE = 8
SHARES = (0.3, 0.5, 0.7)
"""Of saturation, at which latency is measured."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Of one request: seconds of a core by tier, bytes that come in, and the spread of its time.

    `spread` is the standard deviation of the time of a request alone, divided by its mean.
    """

    frontend_s: float
    triton_s: float
    caller_s: float
    request_bytes: int
    spread: float

    @property
    def served_s(self) -> float:
        """Seconds of a core for the service, callers apart."""
        return self.frontend_s + self.triton_s


@dataclass(frozen=True, slots=True)
class Measured:
    """A service on so many cores, callers included: its saturation, and open loops at `SHARES` of it."""

    cores: int
    saturated: Load
    opened: list[Load]
    costs: Costs

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "cores": self.cores,
            "saturated": self.saturated.as_dict(),
            "open": [load.as_dict() for load in self.opened],
            "costs": asdict(self.costs),
        }


def read_measured(file: Path) -> list[Measured]:
    """What an earlier run measured, out of its capacity.json; Unable where it cannot be read."""

    def load(fields: dict[str, Any]) -> Load:
        return Load(**{name: value for name, value in fields.items() if name != "per_second"})

    try:
        return [
            Measured(one["cores"], load(one["saturated"]), [load(o) for o in one["open"]], Costs(**one["costs"]))
            for one in json.loads(file.read_text())["measured"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unable(f"{file} is no capacity.json: {type(error).__name__}") from None


def measure(cores: list[int], picture: Picture, seconds: int) -> Measured:
    """Start the service on these cores alone, load it from the same cores, and share out the processor's time."""
    with running_stack(cores) as service:
        target = service.target([picture])
        closed_loop(target, CLIENTS_AT_ONCE, seconds)
        alone = closed_loop(target, 1, max(1, seconds // 2))
        before, caller_before = _busy_s(service), _children_s()
        saturated = closed_loop(target, CLIENTS_AT_ONCE, seconds)
        after, caller_after = _busy_s(service), _children_s()
        if saturated.errors or not saturated.requests:
            raise Unable(f"{saturated.errors} of {saturated.requests} requests failed: there is nothing to measure")
        opened = [open_loop(target, saturated.per_second * share, 2 * seconds) for share in SHARES]
    frontend_s, triton_s = (a - b for a, b in zip(after, before, strict=True))
    # Of a bell the 90th percentile is 1.28 standard deviations above the middle.
    spread = (alone.percentiles_ms["90"] - alone.p50_ms) / 1.28 / alone.p50_ms
    costs = Costs(
        frontend_s=frontend_s / saturated.requests,
        triton_s=triton_s / saturated.requests,
        caller_s=(caller_after - caller_before) / saturated.requests,
        request_bytes=len(picture.body(service.hash_id)),
        spread=spread,
    )
    return Measured(len(cores), saturated, opened, costs)


def counts_a_second_on_one_key(keys_url: str, seconds: float, at_once: int = 32) -> float:
    """How often a second a home of keys counts on one and the same key, asked by so many at once."""

    async def count() -> float:
        store = key_store(keys_url, 10.0)
        digest, now = digest_of(new_hash_id()), datetime.now(timezone.utc)
        counted = 0
        try:
            await store.open()
            await store.create(digest, KeyRecord(f"capacity-{os.urandom(4).hex()}", None, 0, now))
            end_s = time.monotonic() + seconds

            async def one() -> None:
                nonlocal counted
                while time.monotonic() < end_s:
                    await store.consume(digest, now)
                    counted += 1

            await asyncio.gather(*(one() for _ in range(at_once)))
        finally:
            await store.close()
        return counted / seconds

    return asyncio.run(count())


def with_sqlite(use: Callable[[str], float]) -> float:
    """What `use` gives for the address of a fresh SQLite home."""
    with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as folder:
        return use(f"sqlite://{folder}/keys.sqlite3")


def _busy_s(service: Service) -> tuple[float, float]:
    """Processor time so far of the frontend's processes and of Triton's."""
    if service.process is None:
        raise Unable("this service was not started here")
    totals = {True: 0.0, False: 0.0}
    for process in (service.process, *service.process.children(recursive=True)):
        times = process.cpu_times()
        totals[process.name().startswith("tritonserver")] += times.user + times.system
    return totals[False], totals[True]


def _children_s() -> float:
    """Processor time of the load generators that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
