"""Requests of many kinds in random order, each with what became of it, from a process of its own.

Run as `python -m benchmarks.lib.arrivals`. As in `generator`, request i is due at i / rate whatever became of those
before it; a rate of 0 keeps every connection busy instead.
"""

import argparse
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from benchmarks.lib.command import Unable
from benchmarks.lib.generator import START_DELAY_S, Connection

PROGRESS_S = 10.0
CUT = 0
"""Status of a request to which there was no answer."""


class Arrival(NamedTuple):
    """One request: which body, when it was due and sent (seconds from the first), for how long, and what it got."""

    kind: int
    due_s: float
    sent_s: float
    took_s: float
    status: int
    retry_after: bool


@dataclass(frozen=True)
class Arrivals:
    """All requests of a load, an array for each field of `Arrival`, in the order in which they were sent."""

    kinds: Sequence[str]
    kind: NDArray[np.int64]
    due_s: NDArray[np.float64]
    sent_s: NDArray[np.float64]
    took_s: NDArray[np.float64]
    status: NDArray[np.int64]
    retry_after: NDArray[np.bool_]

    def percentile_ms(self, chosen: NDArray[np.bool_], percent: float) -> float:
        """Of the time from sending to the whole answer; NaN of none."""
        return float(1000 * np.percentile(self.took_s[chosen], percent)) if chosen.any() else float("nan")


class Load:
    """A load that runs in a process of its own; `wait` for what came of it."""

    def __init__(
        self,
        url: str,
        bodies: Mapping[str, Path],
        weights: Sequence[float],
        folder: Path,
        *,
        rate: float,
        requests: int,
        seconds: float,
        connections: int,
        seed: int = 0,
    ) -> None:
        self._kinds = list(bodies)
        self._record = folder / f"arrivals-{time.monotonic_ns()}.npy"
        options = [f"--rate={rate}", f"--requests={requests}", f"--seconds={seconds}", f"--connections={connections}"]
        options += [f"--seed={seed}", f"--record={self._record}", f"--weights={','.join(map(str, weights))}"]
        command = [sys.executable, "-m", "benchmarks.lib.arrivals", *options, url, *map(str, bodies.values())]
        self.begun_s = time.monotonic()
        self._process = subprocess.Popen(command, cwd=Path(__file__).parents[2])

    @property
    def is_over(self) -> bool:
        """Whether all has been asked and answered."""
        return self._process.poll() is not None

    def wait(self) -> Arrivals:
        """Block to the end; raises Unable if the process fails."""
        if self._process.wait() != 0:
            raise Unable("the load's process failed")
        table = np.load(self._record)
        table = table[np.argsort(table[:, 2])]
        kind, due_s, sent_s, took_s, status, retry_after = table.T
        return Arrivals(
            self._kinds, kind.astype(int), due_s, sent_s, took_s, status.astype(int), retry_after.astype(bool)
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    requests: Sequence[bytes]
    kinds: NDArray[np.int64]
    numbers: Iterator[int]
    rate: float
    begin_s: float
    end_s: float


def _keep_asking(connection: Connection, plan: _Plan, arrivals: list[Arrival]) -> None:
    while time.monotonic() < plan.end_s and (number := next(plan.numbers, None)) is not None:
        kind = int(plan.kinds[number % len(plan.kinds)])
        due_s = plan.begin_s + number / plan.rate if plan.rate else max(plan.begin_s, time.monotonic())
        time.sleep(max(0.0, due_s - time.monotonic()))
        sent_s = time.monotonic()
        try:
            status = connection.status_of(plan.requests[kind])
        except (OSError, ValueError):
            status = CUT
        took_s = time.monotonic() - sent_s
        retry_after = status == 503 and b"\r\nretry-after:" in connection.head.lower()
        arrivals.append(Arrival(kind, due_s - plan.begin_s, sent_s - plan.begin_s, took_s, status, retry_after))
    connection.close()


def main() -> None:
    """Run the load that the command line asks for, and write what came of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("bodies", nargs="+", type=Path)
    parser.add_argument("--weights", required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--record", type=Path, required=True)
    options = parser.parse_args()
    address = urlsplit(options.url)
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
    bodies = [path.read_bytes() for path in options.bodies]
    weights = np.array([float(weight) for weight in options.weights.split(",")])
    chosen = np.random.default_rng(options.seed).choice(len(bodies), 65536, p=weights / weights.sum())
    begin_s = time.monotonic() + START_DELAY_S
    plan = _Plan(
        [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies],
        chosen,
        iter(range(options.requests)) if options.requests else itertools.count(),
        options.rate,
        begin_s,
        begin_s + options.seconds,
    )
    arrivals: list[Arrival] = []
    threads = [
        threading.Thread(
            target=_keep_asking, args=(Connection(str(address.hostname), address.port or 80), plan, arrivals)
        )
        for _ in range(options.connections)
    ]
    for thread in threads:
        thread.start()
    told_s = begin_s
    for thread in threads:
        while thread.is_alive():
            thread.join(0.5)
            if time.monotonic() - told_s > PROGRESS_S:
                told_s = time.monotonic()
                print(f"{told_s - begin_s:.0f} s: {len(arrivals)} requests", flush=True)
    np.save(options.record, np.array(arrivals, float).reshape(-1, len(Arrival._fields)))


if __name__ == "__main__":
    main()
