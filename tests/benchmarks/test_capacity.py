"""The capacity model and its simulation agree with the theory of queues."""

from dataclasses import replace

import pytest

from benchmarks.capacity.costs import Costs
from benchmarks.capacity.model import Surroundings, replicas, size_of
from benchmarks.capacity.simulation import Layout, simulate

COSTS = Costs(frontend_s=0.006, triton_s=0.003, caller_s=0.001, request_bytes=333_000, spread=0.1)
AROUND = Surroundings(
    utilization=0.65,
    keys=4,
    counts_on_one_key=3000,
    counts_of_the_database=30_000,
    link_gbits=25,
    price_a_core_hour=0.04,
)


def test_few_cores_are_the_limit_and_many_meet_others_first():
    small = size_of(32, COSTS, AROUND)
    assert small.per_second == pytest.approx(32 * 0.65 / COSTS.served_s, rel=0.1)
    assert small.bottlenecks[0].startswith("cores")
    large = size_of(1000, COSTS, AROUND)
    assert large.per_second == pytest.approx(25e9 / 8 / 333_000)
    assert large.bottlenecks[0] == "link of one proxy"
    assert large.by_cores > 6 * large.per_second
    assert large.cost_a_million == pytest.approx(1000 * 0.04 / 3600 / large.per_second * 1e6)


def test_replicas_are_shared_out_so_that_they_serve_the_most():
    assert replicas(36, COSTS) == (12, 6)
    assert replicas(2, COSTS) == (1, 1)
    cheap_scores = replace(COSTS, frontend_s=0.0075, triton_s=0.0017)  # of 8 pairs Triton needs 1.5
    assert replicas(16, cheap_scores) == (6, 2)


def test_idle_tiers_take_the_time_of_their_work():
    outcome = simulate(Layout(4, 2, 1, 0.0003), COSTS, rate=5, requests=2000)
    assert outcome.p50_ms == pytest.approx(9.3, rel=0.05)
    assert outcome.per_second == pytest.approx(5, rel=0.1)


def test_one_lock_waits_as_the_theory_of_queues_says():
    """M/D/1 at half load: half wait not at all, and P(W > t) ≈ 0.661 exp(-1.256 t/D), so p99 is 4.33 D."""
    costs = Costs(frontend_s=1e-9, triton_s=1e-9, caller_s=0.0, request_bytes=1, spread=1e-6)
    outcome = simulate(Layout(20, 20, 1, 0.010), costs, rate=50, requests=20_000)
    assert outcome.p50_ms == pytest.approx(10.0, rel=0.05)
    assert outcome.p99_ms == pytest.approx(43.3, rel=0.1)


@pytest.mark.parametrize(
    ("layout", "rate", "served"),
    [
        (Layout(2, 40, 8, 0.0003), 5000, 2 * 2 / 0.006),
        (Layout(40, 2, 8, 0.0003), 5000, 2 * 2 / 0.003),
        (Layout(40, 40, 1, 0.002), 5000, 1 / 0.002),
    ],
    ids=["frontends", "Tritons", "one key"],
)
def test_the_narrowest_tier_sets_the_rate(layout, rate, served):
    assert simulate(layout, COSTS, rate, 8000).per_second == pytest.approx(served, rel=0.05)
