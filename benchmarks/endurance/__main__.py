"""`python -m benchmarks.endurance`: a long run of mixed requests with faults; does anything leak, drift or miscount?"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.endurance.injection import Fault, Injector
from benchmarks.endurance.mix import Mix, make_mix
from benchmarks.lib.arrivals import CUT, Arrivals, Load
from benchmarks.lib.command import Unable, run
from benchmarks.lib.plots import plot_lines
from benchmarks.lib.report import RESULTS, markdown_table, save
from benchmarks.lib.resources import Holdings, holdings
from benchmarks.lib.stack import Service, running_stack
from frontend.settings import load_settings

CONNECTIONS = 64
SATURATING = 16
"""Requests at once with which saturation is measured."""
SAMPLES = 200
"""Readings of the machine's resources in a run, at most one a second."""
CALM_S = 3.0
"""After a fault, for queues to empty before latencies count as undisturbed again."""


@dataclass(frozen=True)
class Reading:
    """What the service held at one moment."""

    at_s: float
    held: Holdings


def endurance(
    requests: Annotated[int, typer.Option(min=100, help="Requests in all.")] = 200_000,
    share: Annotated[float, typer.Option(min=0.05, max=1, help="Of saturation.")] = 0.7,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second in place of a share; 0 takes the share.")] = 0,
    faults: Annotated[bool, typer.Option(help="Kill and stop processes of the service on the way.")] = True,
    fault_every_s: Annotated[float, typer.Option(min=3, help="Mean time from one recovery to the next fault.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the order of requests and faults.")] = 0,
    saturation_s: Annotated[float, typer.Option(min=1, help="Length of the measurement of saturation.")] = 15,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Load a service for as long as it takes; note its memory, descriptors, threads, latency, counts."""
    workers = load_settings().processes
    with running_stack() as service:
        mix = make_mix(service.folder)
        warm_up = _load(service, mix, rate=0, requests=0, seconds=saturation_s, connections=SATURATING).wait()
        saturation = len(warm_up.status) / float((warm_up.sent_s + warm_up.took_s).max())
        rate = rate or share * saturation
        seconds = requests / rate
        print(f"saturation {saturation:.1f} requests a second; {requests} at {rate:.1f} take {seconds / 60:.1f} min")
        injector = Injector(
            service.process or _unknown(), service.url, every_s=fault_every_s, workers=workers, seed=seed
        )
        load = _load(
            service, mix, rate=rate, requests=requests, seconds=2 * seconds, connections=CONNECTIONS, seed=seed
        )
        readings, happened = _watch(service, load, seconds, injector if faults else None)
        arrivals = load.wait()
        time.sleep(1)
        counts = _counts(mix, warm_up, arrivals)
    results = {
        "saturation_per_second": saturation,
        "rate_per_second": rate,
        "seconds": float((arrivals.sent_s + arrivals.took_s).max()),
        "answers": _answers(mix, arrivals),
        "counts": counts,
        "latency_ms": _latency(mix, arrivals, happened),
        "growth": _growth(readings),
        "faults": [asdict(fault) | {"recovery_s": fault.recovery_s} for fault in happened],
        "readings": [{"at_s": round(reading.at_s, 1), **asdict(reading.held)} for reading in readings],
    }
    _plot(out / "endurance.png", readings, arrivals)
    save(out, "endurance", results, _tables(results))


def _load(
    service: Service, mix: Mix, *, rate: float, requests: int, seconds: float, connections: int, seed: int = 0
) -> Load:
    weights = [kind.weight for kind in mix.kinds.values()]
    return Load(
        f"{service.url}/liveness",
        mix.bodies,
        weights,
        service.folder,
        rate=rate,
        requests=requests,
        seconds=seconds,
        connections=connections,
        seed=seed,
    )


def _unknown() -> NoReturn:
    raise Unable("the service was not started here")


def _watch(
    service: Service, load: Load, seconds: float, injector: Injector | None
) -> tuple[list[Reading], list[Fault]]:
    readings: list[Reading] = []
    happened: list[Fault] = []
    pause_s = max(1.0, seconds / SAMPLES)
    while not load.is_over:
        now_s = time.monotonic() - load.begun_s
        if not readings or now_s - readings[-1].at_s >= pause_s:
            readings.append(Reading(now_s, holdings(service.process or _unknown())))
        if injector is not None and injector.next_s <= now_s < seconds - CALM_S:
            happened.append(injector.inject(load.begun_s))
            fault = happened[-1]
            print(f"{fault.at_s:.0f} s: {fault.name}, ready {fault.recovery_s:.1f} s after its end", flush=True)
        time.sleep(0.2)
    return readings, happened


def _answers(mix: Mix, arrivals: Arrivals) -> dict[str, Any]:
    """By status, and how many were not what they should be: those answers are the run's failures."""
    statuses, numbers = np.unique(arrivals.status, return_counts=True)
    wrong = 0
    for index, name in enumerate(arrivals.kinds):
        right = [*mix.kinds[name].expected, 503, CUT]
        wrong += int((~np.isin(arrivals.status[arrivals.kind == index], right)).sum())
    unavailable = arrivals.status == 503
    return {
        "by_status": {int(status): int(number) for status, number in zip(statuses, numbers, strict=True)},
        "wrong": wrong,
        "cut": int((arrivals.status == CUT).sum()),
        "503_without_retry_after": int((unavailable & ~arrivals.retry_after).sum()),
        "longest_s": float(arrivals.took_s.max()),
    }


def _counts(mix: Mix, *loads: Arrivals) -> dict[str, dict[str, int]]:
    """Key → verdicts delivered, and verdicts counted against it."""
    delivered = dict.fromkeys(mix.hash_ids, 0)
    for load in loads:
        for index, name in enumerate(load.kinds):
            delivered[mix.kinds[name].key] += int(((load.kind == index) & (load.status == 201)).sum())
    used = mix.used()
    return {key: {"delivered": delivered[key], "counted": used[key]} for key in delivered}


def _latency(mix: Mix, arrivals: Arrivals, happened: Sequence[Fault]) -> dict[str, Any]:
    """Percentiles of the verdicts in the first and the last tenth of the run without, and all within, fault windows."""
    judged = arrivals.status == 201
    disturbed = _within_faults(arrivals, happened)
    last_s = float(arrivals.due_s.max())
    parts = {
        "first tenth": judged & ~disturbed & (arrivals.due_s <= last_s / 10),
        "last tenth": judged & ~disturbed & (arrivals.due_s >= 0.9 * last_s),
        "fault windows": judged & disturbed,
    }
    usual = np.isin(arrivals.kind, [i for i, name in enumerate(arrivals.kinds) if name.startswith("jpeg-640x480")])
    return {
        part: {
            "verdicts": int(chosen.sum()),
            "p50": arrivals.percentile_ms(chosen, 50),
            "p99": arrivals.percentile_ms(chosen, 99),
            "p50 of jpeg-640x480": arrivals.percentile_ms(chosen & usual, 50),
        }
        for part, chosen in parts.items()
    }


def _within_faults(arrivals: Arrivals, happened: Sequence[Fault]) -> NDArray[np.bool_]:
    disturbed = np.zeros(len(arrivals.status), bool)
    for fault in happened:
        disturbed |= (arrivals.due_s >= fault.at_s - 1) & (arrivals.due_s <= fault.ready_again_s + CALM_S)
    return disturbed


def _growth(readings: Sequence[Reading]) -> dict[str, dict[str, float]]:
    """Median of the second tenth of the readings and of the last."""
    tenth = max(1, len(readings) // 10)
    fields = ("memory_bytes", "descriptors", "threads", "processes")
    return {
        field: {
            "early": float(np.median([getattr(r.held, field) for r in readings[tenth : 2 * tenth] or readings])),
            "late": float(np.median([getattr(r.held, field) for r in readings[-tenth:]])),
        }
        for field in fields
    }


def _tables(results: dict[str, Any]) -> str:
    answers = [(status, number) for status, number in results["answers"]["by_status"].items()]
    answers += [(name, value) for name, value in results["answers"].items() if name != "by_status"]
    parts = [
        markdown_table(["answer", "number"], answers),
        markdown_table(["key", "delivered", "counted"], [(k, *v.values()) for k, v in results["counts"].items()]),
        markdown_table(
            ["held", "early", "late"],
            [(name, f"{v['early']:.6g}", f"{v['late']:.6g}") for name, v in results["growth"].items()],
        ),
        markdown_table(
            ["latency", "verdicts", "p50, ms", "p99, ms", "p50 of jpeg-640x480, ms"],
            [(part, *(f"{value:.4g}" for value in v.values())) for part, v in results["latency_ms"].items()],
        ),
        markdown_table(
            ["fault", "at, s", "ready again after, s"],
            [(f["name"], f"{f['at_s']:.0f}", f"{f['recovery_s']:.1f}") for f in results["faults"]],
        ),
    ]
    return "\n".join(parts)


def _plot(file: Path, readings: Sequence[Reading], arrivals: Arrivals) -> None:
    at_s = [reading.at_s for reading in readings]
    judged = arrivals.status == 201
    edges = np.linspace(0, float(arrivals.due_s.max()) + 1e-9, min(len(at_s), 50) + 1)
    slices = [judged & (arrivals.due_s >= a) & (arrivals.due_s < b) for a, b in pairwise(edges)]
    middles = [float(middle) for middle in (edges[1:] + edges[:-1]) / 2]
    panels = {
        "memory of all processes, MB": {"": (at_s, [r.held.memory_bytes / 1e6 for r in readings])},
        "held": {
            name: (at_s, [float(getattr(r.held, name)) for r in readings])
            for name in ("descriptors", "threads", "processes")
        },
        "latency, ms": {f"p{p}": (middles, [arrivals.percentile_ms(s, p) for s in slices]) for p in (50, 99)},
    }
    plot_lines(file, panels, ["seconds"] * 3)


if __name__ == "__main__":
    run(endurance)
