"""A discrete-event simulation of the tiers: what waiting the rates of the model bring with them.

A request takes a core of its frontend (decode, detect, crop), a core of the Triton with the fewest requests under way
of two picked at random, and then the lock of its key in the database. On a machine of one's own the two tiers and the
callers share the cores. Service times are lognormal with the measured means and spread.
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from benchmarks.capacity.costs import Costs
from benchmarks.capacity.model import CORES_A_REPLICA

Process = Generator[simpy.Event, Any, None]
FULLEST = 0.95
"""Of saturation: the heaviest load that is simulated."""
SETTLING = 0.2
"""Share of the requests, from the first on, that arrive before anything is counted: the queues fill."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Arrivals a second that were asked for, answers a second that came, and latencies in milliseconds."""

    rate: float
    per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Layout:
    """`frontends` and `tritons` of two cores each, or both 0 for `shared_cores` that everything runs on."""

    frontends: int
    tritons: int
    keys: int
    count_s: float
    shared_cores: int = 0


def simulate(
    layout: Layout, costs: Costs, rate: float, requests: int, *, evenly: bool = False, seed: int = 1
) -> Outcome:
    """So many requests at `rate` a second, as independent customers come (Poisson) or `evenly`, as a generator asks."""
    run = _Run(layout, costs, seed)
    run.environment.process(run.arrivals(rate, requests, evenly=evenly))
    run.environment.run()
    begun_s, ended_s = run.arrived[int(SETTLING * requests)], run.arrived[-1]
    answered = [latency_s for at_s, latency_s in run.finished if begun_s < at_s <= ended_s]
    answered.sort()
    return Outcome(
        rate=rate,
        per_second=len(answered) / (ended_s - begun_s),
        p50_ms=1000 * _percentile(answered, 0.50),
        p99_ms=1000 * _percentile(answered, 0.99),
    )


class _Run:
    """The resources of one simulation."""

    def __init__(self, layout: Layout, costs: Costs, seed: int) -> None:
        self.environment = simpy.Environment()
        self.arrived: list[float] = []
        self.finished: list[tuple[float, float]] = []
        self._random = np.random.default_rng(seed)
        self._costs = costs
        self._count_s = layout.count_s
        self._sigma = math.sqrt(math.log(1 + costs.spread**2))
        self._keys = [simpy.Resource(self.environment) for _ in range(layout.keys)]
        self._callers: simpy.Resource | None = None
        if layout.shared_cores:
            machine = simpy.Resource(self.environment, layout.shared_cores)
            self._frontends, self._tritons, self._callers = [machine], [machine], machine
        else:
            self._frontends = self._servers(layout.frontends)
            self._tritons = self._servers(layout.tritons)

    def arrivals(self, rate: float, requests: int, *, evenly: bool) -> Process:
        for number in range(requests):
            self.environment.process(self._request(number))
            yield self.environment.timeout(1 / rate if evenly else self._random.exponential(1 / rate))

    def _request(self, number: int) -> Process:
        begun_s = self.environment.now
        self.arrived.append(begun_s)
        if self._callers is not None:
            yield from self._work(self._callers, self._costs.caller_s)
        yield from self._work(self._less_busy(self._frontends), self._costs.frontend_s)
        yield from self._work(self._less_busy(self._tritons), self._costs.triton_s)
        yield from self._work(self._keys[number % len(self._keys)], self._count_s)
        self.finished.append((self.environment.now, self.environment.now - begun_s))

    def _work(self, resource: simpy.Resource, mean_s: float) -> Process:
        with resource.request() as turn:
            yield turn
            yield self.environment.timeout(mean_s * self._random.lognormal(-(self._sigma**2) / 2, self._sigma))

    def _less_busy(self, servers: list[simpy.Resource]) -> simpy.Resource:
        """Of two picked at random: what many callers come to that each see only their own requests."""
        one, other = self._random.integers(len(servers), size=2)
        first, second = servers[int(one)], servers[int(other)]
        return first if _busy(first) <= _busy(second) else second

    def _servers(self, number: int) -> list[simpy.Resource]:
        return [simpy.Resource(self.environment, CORES_A_REPLICA) for _ in range(number)]


def _busy(server: simpy.Resource) -> int:
    return int(server.count) + len(server.queue)


def _percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
