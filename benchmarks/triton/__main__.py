"""`python -m benchmarks.triton`: perf_analyzer over concurrency × instances × threads × batching, on real crops."""

import csv
import itertools
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.lib.command import run
from benchmarks.lib.cores import confine_to
from benchmarks.lib.corpus import corpus
from benchmarks.lib.perf_analyzer import WINDOWS, Row, analyze, program, write_input_data
from benchmarks.lib.plots import plot_lines
from benchmarks.lib.report import RESULTS, markdown_table, save
from benchmarks.triton.variants import Variant, write_variant
from frontend.embedded import EmbeddedTriton
from frontend.settings import Settings, load_settings

Table = dict[Variant, dict[int, list[Row]]]
"""Variant → concurrency → one row a round."""


def triton(
    instances: Annotated[str, typer.Option(help="Comma-separated; empty is 1, the cores, twice the cores.")] = "",
    threads: Annotated[str, typer.Option(help="Of each instance, comma-separated.")] = "1,2",
    batching: Annotated[str, typer.Option(help="off, on, delay (of 1 ms): comma-separated.")] = "off,on,delay",
    concurrency: Annotated[str, typer.Option(help="Comma-separated.")] = "1,2,4,8",
    seconds: Annotated[float, typer.Option(min=1.5, help="Length of each measurement.")] = 3.0,
    rounds: Annotated[int, typer.Option(min=1, help="Of the whole table; the median counts.")] = 1,
    cores: Annotated[int, typer.Option(min=0, help="Cores for Triton and load together; 0 is all.")] = 0,
    perf_analyzer: Annotated[str, typer.Option(envvar="PERF_ANALYZER", help="The program.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Measure the embedded Triton by itself under one configuration after the other."""
    usable = len(confine_to(cores))
    counts = _numbers(instances) or sorted({1, usable, 2 * usable})
    variants = list(itertools.starmap(Variant, itertools.product(counts, _numbers(threads), batching.split(","))))
    command = program(perf_analyzer)
    settings = load_settings()
    table: Table = defaultdict(lambda: defaultdict(list))
    with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as folder:
        crops = Path(folder) / "crops.json"
        write_input_data(crops, corpus())
        for number, variant in itertools.product(range(rounds), variants):
            print(f"round {number + 1} of {rounds}: {variant}", flush=True)
            for at_once, row in _measure(settings, variant, _numbers(concurrency), command, crops, seconds):
                table[variant][at_once].append(row)
    _write_csv(out / "triton.csv", table)
    throughput = {
        str(v): (list(rows), [_median(r, "Inferences/Second") for r in rows.values()]) for v, rows in table.items()
    }
    latency = {
        str(v): (list(rows), [_median(r, "p99 latency") / 1000 for r in rows.values()]) for v, rows in table.items()
    }
    plot_lines(out / "triton.png", {"scores a second": throughput, "p99, ms": latency}, ["requests at once"] * 2)
    results = [
        {"instances": v.instances, "threads": v.threads, "batching": v.batching, "concurrency": c, "rounds": rows}
        for v, by_concurrency in table.items()
        for c, rows in by_concurrency.items()
    ]
    save(out, "triton", {"measurements": results}, _markdown(table))


def _measure(
    settings: Settings, variant: Variant, concurrency: list[int], command: str, crops: Path, seconds: float
) -> Iterable[tuple[int, Row]]:
    with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as name:
        folder = Path(name)
        repository = write_variant(variant, settings.model_repository / settings.triton_model, folder)
        with EmbeddedTriton(
            model_repository=repository,
            model=settings.triton_model,
            runtime_dir=folder,
            start_timeout_s=settings.triton_start_timeout_s,
        ) as server:
            for at_once in concurrency:
                yield (
                    at_once,
                    analyze(
                        command,
                        url=server.url,
                        model=settings.triton_model,
                        concurrency=at_once,
                        input_data=crops,
                        window_s=seconds / WINDOWS,
                    ),
                )


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _median(rows: list[Row], column: str) -> float:
    return statistics.median(row[column] for row in rows)


def _write_csv(file: Path, table: Table) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        for variant, by_concurrency in table.items():
            for rows in by_concurrency.values():
                for row in rows:
                    if lines.tell() == 0:
                        writer.writerow(["Instances", "Threads", "Batching", *row])
                    writer.writerow([variant.instances, variant.threads, variant.batching, *row.values()])


def _markdown(table: Table) -> str:
    return markdown_table(
        ["instances", "threads", "batching", "at once", "scores a second", "p50, ms", "p99, ms", "in queue, ms"],
        [
            (
                variant.instances,
                variant.threads,
                variant.batching,
                at_once,
                f"{_median(rows, 'Inferences/Second'):.0f}",
                *(f"{_median(rows, c) / 1000:.2f}" for c in ("p50 latency", "p99 latency", "Server Queue")),
            )
            for variant, by_concurrency in table.items()
            for at_once, rows in by_concurrency.items()
        ],
    )


if __name__ == "__main__":
    run(triton)
