"""One picture: requests a second over cores, and latency over load, measured beside simulated."""

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.capacity.costs import Measured
from benchmarks.capacity.model import Size
from benchmarks.capacity.simulation import FULLEST, Outcome


def plot_curves(
    file: Path,
    measured: list[Measured],
    checks: list[list[Outcome]],
    sizes: list[Size],
    curves: dict[str, list[Outcome]],
) -> None:
    """Left: the model, the simulation's fullest load, and what was measured. Right: p99 over the load's share."""
    figure = Figure(figsize=(13, 5), layout="constrained")
    rates, latencies = figure.subplots(1, 2)
    cores = [size.cores for size in sizes]
    rates.plot(
        cores,
        [size.by_cores for size in sizes],
        "--",
        label="model: the cores alone",
        color="C0",
    )
    rates.plot(cores, [size.per_second for size in sizes], label="model: every limit", color="C1")
    simulated = {int(label.split()[0]): max(o.per_second for o in outcomes) for label, outcomes in curves.items()}
    rates.plot([*simulated], [*simulated.values()], "s", label=f"simulated at {FULLEST} of saturation", color="C2")
    alone = [one.saturated.per_second for one in measured]
    rates.plot([one.cores for one in measured], alone, "o", label="measured, callers on the same cores", color="C3")
    rates.set(xscale="log", yscale="log", xlabel="cores", ylabel="requests a second")
    for label, outcomes in curves.items():
        full = max(outcome.rate for outcome in outcomes) / FULLEST
        latencies.plot([o.rate / full for o in outcomes], [o.p99_ms for o in outcomes], marker=".", label=label)
    for index, (one, outcomes) in enumerate(zip(measured, checks, strict=True)):
        shares = [(load.rate or 0.0) / one.saturated.per_second for load in one.opened]
        for style, values, label in (
            ("o", [load.p99_ms for load in one.opened], "measured"),
            ("--", [outcome.p99_ms for outcome in outcomes], "simulated"),
        ):
            latencies.plot(shares, values, style, color=f"C{7 + index}", label=f"{one.cores}, {label}")
    latencies.set(yscale="log", xlabel="load, of saturation", ylabel="p99, ms")
    for axis in rates, latencies:
        axis.grid(alpha=0.3, which="both")
        axis.legend(fontsize="small")
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)
