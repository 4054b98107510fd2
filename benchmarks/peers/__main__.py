"""`python -m benchmarks.peers`: the same pictures through what one would pick instead, side by side."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.lib.command import Unable, run
from benchmarks.lib.cores import confine_to
from benchmarks.lib.corpus import Picture, corpus
from benchmarks.lib.load import Load, closed_loop
from benchmarks.lib.plots import plot_bars
from benchmarks.lib.report import RESULTS, markdown_table, save, spread
from benchmarks.peers.servers import peers

SETTLE_S = 0.5


@dataclass
class Figures:
    """What one peer did with one picture, one entry a round."""

    alone: list[Load] = field(default_factory=list)
    saturated: list[Load] = field(default_factory=list)


def compare(
    seconds: Annotated[int, typer.Option(min=1, help="Length of each measurement.")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="Each peer has its turn in each; the median counts.")] = 3,
    concurrency: Annotated[int, typer.Option(min=1, help="At saturation.")] = 8,
    pictures: Annotated[str, typer.Option(help="Of the corpus, comma-separated.")] = "jpeg-1280x960,jpeg-4032x3024",
    only: Annotated[str, typer.Option(help="Peers whose name has one of these in it, comma-separated.")] = "",
    cores: Annotated[int, typer.Option(min=0, help="Cores for each server and its load; 0 is all.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Start one server after the other, several times over, and give each the same load."""
    confine_to(cores)
    chosen = corpus(pictures.split(","))
    competitors = {name: start for name, start in peers().items() if any(part in name for part in only.split(","))}
    if not competitors:
        raise Unable(f"--only fits none of: {', '.join(peers())}")
    figures = {(name, picture.name): Figures() for picture in chosen for name in competitors}
    for number in range(rounds):
        for name, start in competitors.items():
            print(f"round {number + 1} of {rounds}: {name}", flush=True)
            with start(chosen[0]) as service:
                closed_loop(service.target(chosen[:1]), concurrency, 1)
                for picture in chosen:
                    measured = figures[name, picture.name]
                    target = service.target([picture])
                    measured.alone.append(closed_loop(target, 1, seconds))
                    measured.saturated.append(closed_loop(target, concurrency, seconds))
                    time.sleep(SETTLE_S)
    _report(out, figures, chosen)


def _report(out: Path, figures: dict[tuple[str, str], Figures], pictures: list[Picture]) -> None:
    table = markdown_table(
        ["server", "picture", "p50 alone, ms", "a second, saturated", "p99 then, ms", "errors"],
        [
            (
                name,
                picture,
                spread([load.p50_ms for load in f.alone]),
                spread([load.per_second for load in f.saturated]),
                spread([load.p99_ms for load in f.saturated]),
                sum(load.errors for load in f.alone + f.saturated),
            )
            for (name, picture), f in figures.items()
        ],
    )
    panels = {
        f"{picture.name}, a second": {
            name: spread([load.per_second for load in f.saturated]).median
            for (name, asked), f in figures.items()
            if asked == picture.name
        }
        for picture in pictures
    }
    plot_bars(out / "peers.png", panels)
    results = [
        {
            "server": name,
            "picture": picture,
            "alone": [load.as_dict() for load in f.alone],
            "saturated": [load.as_dict() for load in f.saturated],
        }
        for (name, picture), f in figures.items()
    ]
    save(out, "peers", {"measurements": results}, table)


if __name__ == "__main__":
    run(compare)
