"""Does memory grow? One long run of requests, with all processes' memory noted on the way."""

import statistics
import time
from dataclasses import dataclass

from benchmarks.goals.rig import Rig
from benchmarks.lib.load import closed_loop

BOUND = 0.03
CONCURRENCY = 8
BLOCKS = 20
READINGS = 5


@dataclass(frozen=True)
class Growth:
    """Memory of all processes in bytes, after each block of requests; `requests` were answered in all."""

    requests: list[int]
    memory_bytes: list[int]
    errors: int

    @property
    def share(self) -> float:
        """Growth from the first reading, after the warm-up, to the last."""
        return self.memory_bytes[-1] / self.memory_bytes[0] - 1


def memory_growth(rig: Rig, requests: int, warm_up: int) -> Growth:
    """Make `warm_up` requests, and then at least `requests` more in blocks, reading the memory after each."""
    service = rig.service
    target = service.target([rig.selfie])
    rate = max(1.0, closed_loop(target, CONCURRENCY, 1).per_second)

    def ask_for(count: float) -> tuple[int, int]:
        load = closed_loop(target, CONCURRENCY, max(1, round(count / rate)))
        return load.requests - load.errors, load.errors

    ask_for(warm_up)
    answered, memory, errors = [0], [_settled_bytes(rig)], 0
    while answered[-1] < requests:
        good, bad = ask_for(min(requests / BLOCKS, requests - answered[-1]))
        answered.append(answered[-1] + good)
        memory.append(_settled_bytes(rig))
        errors += bad
        print(f"memory: {answered[-1]} of {requests} requests, {memory[-1] / 1e6:.1f} MB", flush=True)
    return Growth(answered, memory, errors)


def _settled_bytes(rig: Rig) -> int:
    """The median of a few readings once nothing is under way."""
    readings = []
    for _ in range(READINGS):
        time.sleep(0.2)
        readings.append(rig.service.memory_bytes())
    return int(statistics.median(readings))
