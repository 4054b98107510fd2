"""How many requests a second so many cores serve, and what stops them first.

Everything is a rate, and the least one is the bottleneck: the cores, the database's counting on one key (a lock of one
document), the database as a whole, and the networks. What the service costs is measured; what the machines around it
can do is an assumption that has a name and a number here, and an option on the command line.
"""

from dataclasses import dataclass

from benchmarks.capacity.costs import CROP_BYTES, Costs

CORES_A_REPLICA = 2
MEMORY_FRONTEND_MB = 120.0 * CORES_A_REPLICA + 200.0
"""A process a core at rest, and room for pictures."""
MEMORY_TRITON_MB = 170.0 + 130.0
CONNECTIONS_A_TRITON = 4096
"""File descriptors that a server is commonly given, halved for safety."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Assumptions about what is not the service. Rates are a second; `keys` share the requests evenly."""

    utilization: float
    keys: int
    counts_on_one_key: float
    counts_of_the_database: float
    link_gbits: float
    price_a_core_hour: float


@dataclass(frozen=True, slots=True)
class Size:
    """A deployment: cores for the service, replicas of two cores, and the requests a second that each limit allows.

    The cores' limit is the first of `limits`.
    """

    cores: int
    frontends: int
    tritons: int
    limits: dict[str, float]
    cost_a_million: float

    @property
    def bottlenecks(self) -> list[str]:
        """What is reached before the cores are used, the first first; else the tier whose cores are."""
        ordered = sorted(self.limits, key=lambda name: self.limits[name])
        return [name for name in ordered if self.limits[name] < self.by_cores] or ordered[:1]

    @property
    def by_cores(self) -> float:
        """Requests a second that the cores alone would serve, at the utilization that is aimed at."""
        return next(iter(self.limits.values()))

    @property
    def per_second(self) -> float:
        """Requests a second, as it is."""
        return min(self.limits.values())

    @property
    def memory_gb(self) -> float:
        """Of frontends and Tritons at rest, with room for pictures."""
        return (self.frontends * MEMORY_FRONTEND_MB + self.tritons * MEMORY_TRITON_MB) / 1000


def size_of(cores: int, costs: Costs, around: Surroundings) -> Size:
    """The best deployment on so many cores, proxies and database apart."""
    frontends, tritons = replicas(cores, costs)
    by_frontends = frontends * CORES_A_REPLICA * around.utilization / costs.frontend_s
    by_tritons = tritons * CORES_A_REPLICA * around.utilization / costs.triton_s
    cpu = min(by_frontends, by_tritons)
    # A proxy takes a picture in and gives it out; one in front of everything has one link each way.
    limits = {
        "cores of the frontends" if by_frontends < by_tritons else "cores of Triton": cpu,
        "counting on one key (the lock of its document)": around.counts_on_one_key * around.keys,
        "the database's primary": around.counts_of_the_database,
        "link of one proxy": around.link_gbits * 1e9 / 8 / costs.request_bytes,
        "connections of each frontend process to each Triton": _by_connections(frontends, cpu),
    }
    rate = min(limits.values())
    return Size(cores, frontends, tritons, limits, cores * around.price_a_core_hour / 3600 / rate * 1e6)


def replicas(cores: int, costs: Costs) -> tuple[int, int]:
    """Frontends and Tritons of two cores each, at least one of each, so shared out that they serve the most."""
    pairs = max(2, cores // CORES_A_REPLICA)
    fewest = min(pairs - 1, max(1, int(pairs * costs.triton_s / costs.served_s)))
    tritons = max(
        (fewest, min(pairs - 1, fewest + 1)), key=lambda t: min((pairs - t) / costs.frontend_s, t / costs.triton_s)
    )
    return pairs - tritons, tritons


def tier_gbits(rate: float, costs: Costs) -> dict[str, float]:
    """Network of each tier at this rate, in Gbit/s."""
    return {
        "callers to frontends": rate * costs.request_bytes * 8 / 1e9,
        "frontends to Triton": rate * CROP_BYTES * 8 / 1e9,
    }


def _by_connections(frontends: int, rate: float) -> float:
    """Every frontend process keeps at least one connection to every Triton: past what one accepts, none is added."""
    processes = frontends * CORES_A_REPLICA
    return rate * min(1.0, CONNECTIONS_A_TRITON / processes) if processes else 0.0
