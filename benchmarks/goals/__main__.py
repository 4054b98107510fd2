"""`python -m benchmarks.goals`: the table of goals, measured on this machine in interleaved repetitions."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.goals.measures import Goal, Sample, goals
from benchmarks.goals.memory import BOUND, Growth, memory_growth
from benchmarks.goals.rig import Rig
from benchmarks.lib.command import Unable, run
from benchmarks.lib.cores import confine_to
from benchmarks.lib.perf_analyzer import program
from benchmarks.lib.plots import plot_lines
from benchmarks.lib.report import RESULTS, markdown_table, save, spread

SETTLE_S = 0.3
MEMORY = "memory"
Samples = Mapping[str, list[Sample]]


def measure_goals(
    only: Annotated[
        str, typer.Option(help="throughput, latency, tail, large, model, triton, cores, memory: comma-separated.")
    ] = "throughput,latency,tail,large,cores",
    repetitions: Annotated[int, typer.Option(min=1, help="Of each; median and spread are shown.")] = 5,
    seconds: Annotated[int, typer.Option(min=1, help="Length of one measurement.")] = 3,
    open_seconds: Annotated[int, typer.Option(min=1, help="Length of one open loop.")] = 10,
    cores: Annotated[int, typer.Option(min=0, help="Cores for everything together; 0 is all.")] = 2,
    requests: Annotated[int, typer.Option(min=1, help="Of the goal `memory`.")] = 100_000,
    warm_up: Annotated[int, typer.Option(min=1, help="Requests before `memory` counts.")] = 5_000,
    reference_model: Annotated[
        Path | None, typer.Option(help="The .onnx file that the goal `model` compares with.", exists=True)
    ] = None,
    perf_analyzer: Annotated[str, typer.Option(envvar="PERF_ANALYZER", help="The program, for `triton`.")] = "",
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Measure each goal's ratio several times over, and set it beside its bound."""
    confine_to(cores)
    known = goals(partial(program, perf_analyzer), reference_model)
    names = [name.strip() for name in only.split(",")]
    if unknown := [name for name in names if name not in {*known, MEMORY}]:
        raise Unable(f"there is no goal {', '.join(unknown)}; there are {', '.join([*known, MEMORY])}")
    chosen = {name: goal for name, goal in known.items() if name in names}
    with ExitStack() as stack:
        rig = Rig(stack, seconds, open_seconds)
        samples = _interleaved(rig, chosen, repetitions)
        growth = memory_growth(rig, requests, warm_up) if MEMORY in names else None
    _report(out, chosen, samples, growth)


def _interleaved(rig: Rig, chosen: Mapping[str, Goal], repetitions: int) -> Samples:
    """Every goal once, and again in the other order, and so on: whatever disturbs the machine disturbs all alike."""
    samples: dict[str, list[Sample]] = {name: [] for name in chosen}
    for number in range(repetitions):
        order = list(chosen.items())
        for name, goal in order if number % 2 == 0 else reversed(order):
            time.sleep(SETTLE_S)
            sample = goal.measure(rig)
            samples[name].append(sample)
            print(f"{number + 1} of {repetitions}: {name} {sample.ratio:.3f} {_text(sample.parts)}", flush=True)
    return samples


def _report(out: Path, chosen: Mapping[str, Goal], samples: Samples, growth: Growth | None) -> None:
    rows: list[tuple[object, ...]] = []
    for name, goal in chosen.items():
        several = spread([sample.ratio for sample in samples[name]])
        parts = {
            part: spread([sample.parts[part] for sample in samples[name]]).median for part in samples[name][0].parts
        }
        errors = sum(sample.errors for sample in samples[name])
        met = "yes" if goal.is_met(several.median) else "no"
        rows.append((goal.text, goal.bound_text, several, met, _text(parts), errors))
    if growth is not None:
        megabytes = f"{growth.memory_bytes[0] / 1e6:.1f} to {growth.memory_bytes[-1] / 1e6:.1f} MB"
        met = "yes" if growth.share < BOUND else "no"
        text = f"memory: growth over {growth.requests[-1]} requests"
        rows.append((text, f"< {BOUND:.0%}", f"{growth.share:.2%}", met, megabytes, growth.errors))
    table = markdown_table(["measure", "goal", "median (least to most)", "met", "medians of the parts", "errors"], rows)
    _plot(out / "goals.png", samples, growth)
    results = {
        "goals": {
            name: {"text": goal.text, "goal": goal.bound_text, "samples": [asdict(s) for s in samples[name]]}
            for name, goal in chosen.items()
        },
        "memory": asdict(growth) if growth else None,
    }
    save(out, "goals", results, table)


def _plot(file: Path, samples: Samples, growth: Growth | None) -> None:
    panels = {}
    if samples:
        panels["ratio"] = {name: (list(range(1, len(s) + 1)), [one.ratio for one in s]) for name, s in samples.items()}
    if growth:
        panels["memory, MB"] = {"": (growth.requests, [value / 1e6 for value in growth.memory_bytes])}
    plot_lines(file, panels, ["repetition" if title == "ratio" else "requests" for title in panels])


def _text(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in parts.items())


if __name__ == "__main__":
    run(measure_goals)
