"""`python -m benchmarks.http`: POST /liveness under load, closed loop and open loop, in every size and format."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.lib.command import run
from benchmarks.lib.cores import confine_to
from benchmarks.lib.corpus import corpus
from benchmarks.lib.load import Load, closed_loop, open_loop
from benchmarks.lib.plots import Lines, plot_lines
from benchmarks.lib.report import RESULTS, markdown_table, save
from benchmarks.lib.stack import Service, running_stack

KINDS_AT = (1, 8)
"""Concurrency at which each size and format is measured."""


def http(
    seconds: Annotated[int, typer.Option(min=1, help="Length of each measurement.")] = 5,
    concurrency: Annotated[str, typer.Option(help="Of the closed loop, comma-separated.")] = "1,2,4,8,16,32",
    share: Annotated[str, typer.Option(help="Of saturation, for the open loop.")] = "0.25,0.5,0.75,0.9",
    pictures: Annotated[str, typer.Option(help="Of the corpus, comma-separated; empty is all.")] = "",
    cores: Annotated[int, typer.Option(min=0, help="Cores for service and load together; 0 is all.")] = 0,
    url: Annotated[str, typer.Option(help="A running service; empty starts one.")] = "",
    hash_id: Annotated[str, typer.Option(envvar="LIVENESS_HASH_ID", help="A key of that service, without limit.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Load a service from another process; show throughput, percentiles and errors."""
    confine_to(cores)
    chosen = corpus(pictures.split(",")) if pictures else corpus()
    with _service(url, hash_id) as service:
        first = service.target(chosen[:1])
        closed_loop(first, 4, 1)
        closed = [closed_loop(first, int(c), seconds) for c in concurrency.split(",")]
        saturation = max(load.per_second for load in closed)
        opened = [open_loop(first, saturation * float(s), seconds) for s in share.split(",")]
        targets = {picture.name: service.target([picture]) for picture in chosen}
        if len(chosen) > 1:
            targets["all in turn"] = service.target(chosen)
        kinds = {name: [closed_loop(target, c, seconds) for c in KINDS_AT] for name, target in targets.items()}
    tables = [
        _table(f"closed loop, {chosen[0].name}", [(f"{load.concurrency} at once", load) for load in closed]),
        _table(
            f"open loop, {chosen[0].name}",
            [(f"{load.rate or 0:.0f} a second", load) for load in opened],
        ),
        _table(
            "closed loop, by picture",
            [(f"{name}, {load.concurrency} at once", load) for name, loads in kinds.items() for load in loads],
        ),
    ]
    _plot(out / "http.png", closed, opened)
    results = {
        "saturation_per_second": saturation,
        "closed": [load.as_dict() for load in closed],
        "open": [load.as_dict() for load in opened],
        "pictures": {name: [load.as_dict() for load in loads] for name, loads in kinds.items()},
    }
    save(out, "http", results, "\n".join(tables))


@contextmanager
def _service(url: str, hash_id: str) -> Iterator[Service]:
    if url:
        with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as folder:
            yield Service(url, hash_id, Path(folder))
    else:
        with running_stack() as service:
            yield service


def _table(title: str, rows: Sequence[tuple[str, Load]]) -> str:
    percentiles = ("50", "90", "99", "99.9", "100")
    return markdown_table(
        [
            title,
            "answered a second",
            *(f"p{p}, ms" for p in percentiles[:-1]),
            "longest, ms",
            "requests",
            "errors",
            "by",
        ],
        [
            (
                name,
                f"{load.per_second:.1f}",
                *(f"{load.percentiles_ms[p]:.1f}" for p in percentiles),
                load.requests,
                load.errors,
                load.generator,
            )
            for name, load in rows
        ],
    )


def _plot(file: Path, closed: Sequence[Load], opened: Sequence[Load]) -> None:
    percentiles = ("50", "90", "99")
    concurrency = [load.concurrency or 0 for load in closed]
    rates = [load.rate or 0 for load in opened]
    panels: dict[str, Lines] = {
        "answered a second, closed loop": {"": (concurrency, [load.per_second for load in closed])},
        "latency, ms, closed loop": {
            f"p{p}": (concurrency, [load.percentiles_ms[p] for load in closed]) for p in percentiles
        },
        "latency, ms, open loop": {f"p{p}": (rates, [load.percentiles_ms[p] for load in opened]) for p in percentiles},
    }
    labels = ("requests at once", "requests at once", "arrivals a second")
    plot_lines(file, panels, labels)


if __name__ == "__main__":
    run(http)
