"""`python -m benchmarks.limit`: the best this machine could do, and where each millisecond of a request goes."""

import os
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.lib.command import run
from benchmarks.lib.cores import confine_to
from benchmarks.lib.corpus import Picture, selfie
from benchmarks.lib.plots import plot_bars
from benchmarks.lib.report import RESULTS, markdown_table, save, spread
from benchmarks.lib.stack import running_stack
from benchmarks.lib.work import Stages, Worker, rate_on_threads
from benchmarks.limit.served import WHOLE, served_stages
from benchmarks.limit.stages import stage_table

SATURATED_AT = 8


def limit(
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of each measurement.")] = 3.0,
    repetitions: Annotated[int, typer.Option(min=1, help="Of each; the median counts.")] = 5,
    cores: Annotated[int, typer.Option(min=0, help="Cores to use; 0 is all.")] = 0,
    served: Annotated[bool, typer.Option(help="Start the service too, and ask it for its own stages.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Measure the unavoidable work without a server, and a request stage by stage."""
    confine_to(cores)
    threads = len(os.sched_getaffinity(0))
    picture = selfie()
    passes = [partial(Worker().judge, picture.data) for _ in range(threads)]
    one, many = [], []
    for _ in range(repetitions):
        one.append(rate_on_threads(passes[:1], seconds))
        many.append(rate_on_threads(passes, seconds))
    stages = stage_table(picture, seconds)
    in_service = _in_service(picture, seconds) if served else {}
    limits = {"1 thread": spread(one), f"{threads} threads": spread(many)}
    plot_bars(
        out / "limit.png",
        {
            "stages by themselves, ms": stages,
            "in process, pictures a second": {name: several.median for name, several in limits.items()},
        },
    )
    results = {
        "limit_per_second": {name: asdict(several) for name, several in limits.items()},
        "stages_ms": stages,
        "in_service_ms": in_service,
    }
    tables = [markdown_table(["in process, no server", "pictures a second: median (least to most)"], limits.items())]
    tables.append(_stages_as_table("stage by itself, nothing else running", stages))
    for at_once, timed in in_service.items():
        tables.append(_stages_as_table(f"stage in the service, {at_once} at once (Server-Timing)", timed))
    save(out, "limit", results, "\n".join(tables))


def _stages_as_table(title: str, stages: Stages) -> str:
    rows = dict(stages)
    whole_ms = rows.setdefault(WHOLE, sum(stages.values()))
    return markdown_table(
        [title, "ms", "share"], [(name, f"{ms:.2f}", f"{ms / whole_ms:.0%}") for name, ms in rows.items()]
    )


def _in_service(picture: Picture, seconds: float) -> dict[int, Stages]:
    with running_stack(server_timing=True) as service:
        served_stages(service, picture, SATURATED_AT, seconds / 2)
        return {at_once: served_stages(service, picture, at_once, seconds) for at_once in (1, SATURATED_AT)}


if __name__ == "__main__":
    run(limit)
