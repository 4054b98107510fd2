"""Load on a service from another process, and what came of it."""

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.lib.command import Unable
from benchmarks.lib.cores import confined

LUA = Path(__file__).with_name("wrk.lua")
OPEN_LOOP_CONNECTIONS = 64
"""Enough that an arrival never waits for a connection, unless the service is far behind."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to post, what (files with whole bodies, in turn), and the cores that the generator is confined to."""

    url: str
    bodies: Sequence[Path]
    cores: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load. `percentiles_ms` goes from "50" to "100", of answered requests in the own generator."""

    generator: str
    concurrency: int | None
    rate: float | None
    requests: int
    errors: int
    seconds: float
    percentiles_ms: dict[str, float]

    @property
    def per_second(self) -> float:
        """Requests answered as they should be, a second."""
        return (self.requests - self.errors) / self.seconds

    @property
    def p50_ms(self) -> float:
        """Median latency."""
        return self.percentiles_ms["50"]

    @property
    def p99_ms(self) -> float:
        """Latency that 1 in 100 exceeds."""
        return self.percentiles_ms["99"]

    def as_dict(self) -> dict[str, object]:
        """For JSON, which knows no NaN."""
        fields = asdict(self) | {"per_second": round(self.per_second, 2)}
        fields["percentiles_ms"] = {p: None if math.isnan(v) else round(v, 3) for p, v in self.percentiles_ms.items()}
        return fields


def closed_loop(target: Target, concurrency: int, seconds: int) -> Load:
    """So many connections, each with one request under way at all times: by wrk, or where it is not installed by the
    generator here. What is measured is the greatest throughput, and the latency that goes with it.
    """
    if shutil.which("wrk") is None:
        return _own(target, 0.0, concurrency, seconds)
    command = ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds}s", "--timeout", "10s", "-s", str(LUA), target.url, "--"]
    output = _run([*command, *map(str, target.bodies)], target)
    line = next(line for line in output.splitlines() if line.startswith("JSON "))
    return Load(generator="wrk", concurrency=concurrency, rate=None, **json.loads(line.removeprefix("JSON ")))


def open_loop(target: Target, rate: float, seconds: float) -> Load:
    """`rate` requests a second at even intervals, whatever becomes of them; latencies count from when each was due."""
    return _own(target, rate, OPEN_LOOP_CONNECTIONS, seconds)


def _own(target: Target, rate: float, connections: int, seconds: float) -> Load:
    options = [f"--rate={rate}", f"--connections={connections}", f"--seconds={seconds}"]
    command = [sys.executable, "-m", "benchmarks.lib.generator", *options, target.url, *map(str, target.bodies)]
    found = json.loads(_run(command, target))
    found.pop("sent_late_p99_ms")
    return Load(generator="own", concurrency=None if rate else connections, rate=rate or None, **found)


def _run(command: list[str], target: Target) -> str:
    done = subprocess.run(
        confined(command, target.cores), capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
    )
    if done.returncode != 0:
        raise Unable(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout
