"""Load of a constant arrival rate, or of a constant concurrency, from a process of its own.

Run as `python -m benchmarks.lib.generator`. In the open loop request i is due at i / rate, whatever became of those
before it, and its latency counts from then, not from when it was sent: a server that stalls cannot slow the arrivals
down, nor hide those that waited (no coordinated omission). Each connection is a thread that takes the next request that
is due, waits for its time, sends it and reads the answer; nothing is parsed that need not be.
"""

import argparse
import itertools
import json
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

PERCENTILES = (50, 75, 90, 95, 99, 99.9, 100)
TIMEOUT_S = 10.0
START_DELAY_S = 0.05
"""In which all connections' threads are started."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass
class Tally:
    """What came of the requests: latencies in seconds, how late each was sent, and the number of failures."""

    latencies_s: list[float] = field(default_factory=list)
    lateness_s: list[float] = field(default_factory=list)
    errors: int = 0


class Connection:
    """One kept HTTP/1.1 connection; it is made anew after an error."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self.head = b""
        """Status line and headers of the last answer."""

    def status_of(self, request: bytes) -> int:
        """Send the request, read the whole answer, return its status; OSError or ValueError if there is none."""
        try:
            if self._socket is not None and select.select([self._socket], [], [], 0)[0]:
                self.close()  # the server has closed it while it rested
            if self._socket is None:
                self._socket = socket.create_connection(self._address, TIMEOUT_S)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            return self._read_answer(self._socket)
        except (OSError, ValueError):
            self.close()
            raise

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read_answer(self, connection: socket.socket) -> int:
        answer = b""
        end = -1
        while end < 0:
            if not (chunk := connection.recv(65536)):
                raise ValueError("the server hung up")
            answer += chunk
            end = answer.find(b"\r\n\r\n")
        self.head = answer[: end + 2]
        if (length := _LENGTH.search(answer, 0, end + 2)) is None:
            raise ValueError("an answer without Content-Length")
        missing = end + 4 + int(length[1]) - len(answer)
        while missing > 0:
            if not (chunk := connection.recv(65536)):
                raise ValueError("the server hung up")
            missing -= len(chunk)
        return int(answer[9:12])


@dataclass(frozen=True, slots=True)
class Plan:
    """What all connections share. `numbers` are the requests still to be made; `rate` 0 is the closed loop."""

    requests: list[bytes]
    numbers: Iterator[int]
    rate: float
    begin_s: float
    end_s: float


def run_load(url: str, bodies: list[bytes], *, rate: float, connections: int, seconds: float) -> Tally:
    """Post the bodies in turn for so many seconds; a `rate` of 0 keeps every connection busy instead.

    In the open loop what could not be sent within twice the time counts as an error each.
    """
    address = urlsplit(url)
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
    requests = [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
    numbers = iter(range(round(rate * seconds))) if rate else itertools.count()
    begin_s = time.perf_counter() + START_DELAY_S
    plan = Plan(requests, numbers, rate, begin_s, begin_s + (2 * seconds if rate else seconds))
    tallies = [Tally() for _ in range(connections)]
    host, port = str(address.hostname), address.port or 80
    threads = [threading.Thread(target=_keep_asking, args=(Connection(host, port), plan, tally)) for tally in tallies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    unsent = len(list(numbers)) if rate else 0
    return Tally(
        latencies_s=[latency for tally in tallies for latency in tally.latencies_s],
        lateness_s=[lateness for tally in tallies for lateness in tally.lateness_s],
        errors=unsent + sum(tally.errors for tally in tallies),
    )


def _keep_asking(connection: Connection, plan: Plan, tally: Tally) -> None:
    while time.perf_counter() < plan.end_s and (number := next(plan.numbers, None)) is not None:
        due_s = plan.begin_s + number / plan.rate if plan.rate else max(plan.begin_s, time.perf_counter())
        time.sleep(max(0.0, due_s - time.perf_counter()))
        tally.lateness_s.append(time.perf_counter() - due_s)
        try:
            status = connection.status_of(plan.requests[number % len(plan.requests)])
        except (OSError, ValueError):
            tally.errors += 1
            continue
        if status // 100 == 2:
            tally.latencies_s.append(time.perf_counter() - due_s)
        else:
            tally.errors += 1
    connection.close()


def main() -> None:
    """Run the load that the command line asks for, and print what came of it as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("bodies", nargs="+", type=Path)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    bodies = [path.read_bytes() for path in options.bodies]
    begun_s = time.perf_counter()
    tally = run_load(options.url, bodies, rate=options.rate, connections=options.connections, seconds=options.seconds)
    # A load of which nothing succeeded has no latencies; the errors tell of it.
    latencies_ms = 1000 * np.array(tally.latencies_s or [np.nan])
    print(
        json.dumps(
            {
                "requests": len(tally.latencies_s) + tally.errors,
                "errors": tally.errors,
                "seconds": time.perf_counter() - begun_s - START_DELAY_S,
                "percentiles_ms": {f"{p:g}": float(np.percentile(latencies_ms, p)) for p in PERCENTILES},
                "sent_late_p99_ms": 1000 * float(np.percentile(tally.lateness_s or [0.0], 99)),
            }
        )
    )


if __name__ == "__main__":
    main()
