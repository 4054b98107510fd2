"""`python -m benchmarks.capacity`: what so many cores serve, measured on one and two, simulated on many more."""

import os
from dataclasses import asdict, replace
from math import ceil
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.capacity.costs import (
    SHARES,
    Costs,
    Measured,
    counts_a_second_on_one_key,
    measure,
    read_measured,
    with_sqlite,
)
from benchmarks.capacity.model import Size, Surroundings, size_of, tier_gbits
from benchmarks.capacity.plot import plot_curves
from benchmarks.capacity.simulation import FULLEST, Layout, Outcome, simulate
from benchmarks.lib.command import run
from benchmarks.lib.corpus import selfie
from benchmarks.lib.report import RESULTS, markdown_table, save

LOADS = (0.3, 0.5, 0.7, 0.85, FULLEST)
"""Of the saturation that the model foretells."""
REMEDIES = {
    "cores of the frontends": "more frontends",
    "cores of Triton": "more Tritons",
    "counting on one key (the lock of its document)": "several keys a customer (one a channel or region), each with "
    "its part of the limit",
    "the database's primary": "shard the keys by digest, or cells with a database each",
    "link of one proxy": "a proxy on every node, addresses in DNS; smaller pictures (1280×960 is enough)",
    "connections of each frontend process to each Triton": "cells: each frontend is given some Tritons, not all",
}


def capacity(
    seconds: Annotated[int, typer.Option(min=1, help="Length of each measurement.")] = 6,
    cores: Annotated[str, typer.Option(help="Sizes to foretell, comma-separated.")] = "4,8,16,32,100,320,1000,10000",
    simulated: Annotated[str, typer.Option(help="Sizes to simulate, comma-separated.")] = "32,1000,10000",
    requests: Annotated[int, typer.Option(min=1000, help="Of each simulated load, at least.")] = 20_000,
    utilization: Annotated[float, typer.Option(min=0.1, max=1, help="Share of the cores to aim at.")] = 0.65,
    keys: Annotated[int, typer.Option(min=1, help="Keys that share the requests evenly.")] = 4,
    keys_url: Annotated[str, typer.Option(help="Home of keys whose counting is measured; empty is SQLite.")] = "",
    counts_on_one_key: Annotated[float, typer.Option(min=0, help="Assumed of MongoDB; 0 takes the measured.")] = 3000,
    counts_of_the_database: Annotated[float, typer.Option(min=1, help="Assumed of a primary of 16 cores.")] = 30_000,
    link_gbits: Annotated[float, typer.Option(min=0.1, help="Assumed of a proxy's network link.")] = 25,
    price_a_core_hour: Annotated[float, typer.Option(min=0, help="Assumed, in any currency.")] = 0.04,
    earlier: Annotated[
        Path | None, typer.Option(help="A capacity.json whose measurement is taken in place of a new one.", exists=True)
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Measure what a request costs, check the model against this machine, and foretell larger ones."""
    usable = sorted(os.sched_getaffinity(0))
    if earlier:
        measured = read_measured(earlier)
    else:
        measured = [measure(usable[:number], selfie(), seconds) for number in (1, 2) if number <= len(usable)]
    counted = _counted(keys_url, seconds)
    costs = measured[-1].costs
    around = Surroundings(
        utilization, keys, counts_on_one_key or counted, counts_of_the_database, link_gbits, price_a_core_hour
    )
    checks = [_checked(one, 1 / around.counts_on_one_key, requests // 10) for one in measured]
    sizes = [size_of(number, costs, around) for number in _numbers(cores)]
    aimed = [simulate(_layout(size, around), costs, size.per_second, requests) for size in sizes]
    curves: dict[str, list[Outcome]] = {}
    for size in (size_of(number, costs, around) for number in _numbers(simulated)):
        curves[f"{size.cores} cores, {keys} keys"] = _curve(size, costs, around, requests)
        if (enough := ceil(2 * size.by_cores / around.counts_on_one_key)) > keys:
            mended = replace(around, keys=enough)
            curves[f"{size.cores} cores, {enough} keys"] = _curve(size, costs, mended, requests)
    tables = [
        _costs_table(measured, counted),
        _checks_table(measured, checks),
        _sizes_table(sizes, aimed, costs),
        _curves_table(curves),
    ]
    plot_curves(out / "capacity.png", measured, checks, sizes, curves)
    results = {
        "measured": [one.as_dict() for one in measured],
        "counts_a_second_on_one_key": {"measured": counted, "home": keys_url.partition(":")[0] or "sqlite"},
        "assumed": asdict(around),
        "foretold": [asdict(size) | {"bottlenecks": size.bottlenecks, "per_second": size.per_second} for size in sizes],
        "checked": [[asdict(outcome) for outcome in several] for several in checks],
        "simulated": {label: [asdict(outcome) for outcome in several] for label, several in curves.items()},
    }
    save(out, "capacity", results, "\n".join(tables))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _counted(keys_url: str, seconds: float) -> float:
    if keys_url:
        return counts_a_second_on_one_key(keys_url, seconds)
    return with_sqlite(lambda url: counts_a_second_on_one_key(url, seconds))


def foretold(measured: Measured, costs: Costs) -> float:
    """Requests a second that the model foretells for the measured machine, callers on it included."""
    return measured.cores / (costs.served_s + costs.caller_s)


def _checked(measured: Measured, count_s: float, requests: int) -> list[Outcome]:
    """The simulation on the measured machine, at the measured arrivals."""
    layout = Layout(0, 0, 1, count_s, shared_cores=measured.cores)
    return [
        simulate(layout, measured.costs, load.rate or 0.0, max(1000, requests), evenly=True) for load in measured.opened
    ]


def _curve(size: Size, costs: Costs, around: Surroundings, requests: int) -> list[Outcome]:
    """Latency over load, up to where the first of the simulated resources is full."""
    full = min(
        2 * size.frontends / costs.frontend_s, 2 * size.tritons / costs.triton_s, around.counts_on_one_key * around.keys
    )
    layout = _layout(size, around)
    return [simulate(layout, costs, full * load, max(requests, int(full * load / 10))) for load in LOADS]


def _layout(size: Size, around: Surroundings) -> Layout:
    return Layout(size.frontends, size.tritons, around.keys, 1 / around.counts_on_one_key)


def _costs_table(measured: list[Measured], counted: float) -> str:
    rows = [
        (
            one.cores,
            f"{1000 * one.costs.frontend_s:.2f}",
            f"{1000 * one.costs.triton_s:.2f}",
            f"{1000 * one.costs.caller_s:.2f}",
            f"{one.costs.request_bytes / 1000:.0f}",
            f"{one.costs.spread:.2f}",
            f"{counted:.0f}",
        )
        for one in measured
    ]
    heads = ["cores", "frontend, ms of a core", "Triton, ms", "callers, ms", "kB in", "spread", "counts/s on one key"]
    return markdown_table(heads, rows)


def _checks_table(measured: list[Measured], checks: list[list[Outcome]]) -> str:
    rows: list[tuple[object, ...]] = []
    for one, outcomes in zip(measured, checks, strict=True):
        other = measured[-1].costs
        rows.append((one.cores, "saturated", f"{one.saturated.per_second:.1f}", f"{foretold(one, other):.1f}", "", ""))
        for share, load, outcome in zip(SHARES, one.opened, outcomes, strict=True):
            p50 = f"{load.p50_ms:.1f} / {outcome.p50_ms:.1f}"
            p99 = f"{load.p99_ms:.1f} / {outcome.p99_ms:.1f}"
            rows.append((one.cores, f"{share:.0%}", f"{load.per_second:.1f}", f"{outcome.per_second:.1f}", p50, p99))
    heads = ["cores", "load", "measured a second", "foretold", "p50, ms: measured / simulated", "p99, ms: likewise"]
    return markdown_table(heads, rows)


def _sizes_table(sizes: list[Size], aimed: list[Outcome], costs: Costs) -> str:
    rows: list[tuple[object, ...]] = []
    for size, outcome in zip(sizes, aimed, strict=True):
        network = tier_gbits(size.by_cores, costs)
        rows.append(
            (
                size.cores,
                f"{size.frontends} + {size.tritons}",
                f"{size.per_second:.0f}",
                f"{outcome.p99_ms:.0f}",
                f"{size.by_cores:.0f}",
                f"{size.memory_gb:.0f}",
                " / ".join(f"{gbits:.1f}" for gbits in network.values()),
                f"{size.cost_a_million:.2f}",
                ", then ".join(size.bottlenecks),
                "; ".join(REMEDIES[name] for name in size.bottlenecks),
            )
        )
    heads = ["cores", "frontends + Tritons", "a second, as it is", "p99, ms", "all mended"]
    heads += ["memory, GB", "Gbit/s in / to Triton", "cost a million"]
    return markdown_table([*heads, "bottleneck", "what to do"], rows)


def _curves_table(curves: dict[str, list[Outcome]]) -> str:
    rows = [
        (label, f"{o.rate:.0f}", f"{o.per_second:.0f}", f"{o.p50_ms:.1f}", f"{o.p99_ms:.1f}")
        for label, outcomes in curves.items()
        for o in outcomes
    ]
    return markdown_table(["simulated", "arrivals a second", "answers a second", "p50, ms", "p99, ms"], rows)


if __name__ == "__main__":
    run(capacity)
