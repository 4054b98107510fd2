"""Each goal's measurement: what is compared with is measured for half of its time before and for half after."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.goals.rig import Rig
from benchmarks.lib.command import Unable
from benchmarks.lib.load import Load, open_loop
from benchmarks.lib.perf_analyzer import WINDOWS, analyze
from benchmarks.lib.work import Worker, full_decode, median_ms, rate_on_threads
from frontend.embedded.selfcheck import model_file

SATURATED_AT = (8, 16)
"""Concurrencies of which the better is the service's throughput at saturation."""
TRITON_SATURATED_AT = (8, 16, 32)
"""Concurrencies of which the best is Triton's."""
SHORTEST_WINDOW_S = 0.5
T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """One measurement: the ratio, what it was made of, and the requests that failed meanwhile."""

    ratio: float
    parts: dict[str, float]
    errors: int = 0


@dataclass(frozen=True)
class Goal:
    """What is aimed for. `at_least` tells on which side of the bound the ratio should be."""

    text: str
    bound: float
    at_least: bool
    measure: Callable[[Rig], Sample] = field(repr=False)

    @property
    def bound_text(self) -> str:
        """The bound as it is written in the table."""
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"

    def is_met(self, ratio: float) -> bool:
        """Whether the ratio is on the right side."""
        return ratio >= self.bound if self.at_least else ratio <= self.bound


def goals(perf_analyzer: Callable[[], str], reference_model: Path | None) -> dict[str, Goal]:
    """Name → goal, but for memory, which takes one long run rather than several short ones."""
    return {
        "throughput": Goal("throughput at saturation ÷ the in-process limit", 0.85, True, _throughput),
        "latency": Goal("p50 at concurrency 1 ÷ one pass on one thread", 1.35, False, _latency),
        "tail": Goal("p99 ÷ p50 at half of saturation, open loop", 2.5, False, _tail),
        "large": Goal("12 megapixels: p50 of a request ÷ cv2.imdecode alone", 0.75, False, _large),
        "model": Goal(
            "model ÷ reference model, one thread, batch 1", 0.5, False, lambda rig: _model(rig, reference_model)
        ),
        "triton": Goal(
            "Triton by perf_analyzer ÷ ONNX Runtime, a session a core",
            0.75,
            True,
            lambda rig: _triton(rig, perf_analyzer()),
        ),
        "cores": Goal("throughput on all cores ÷ on one", 1.8, True, _cores),
    }


def saturated(rig: Rig) -> dict[str, Load]:
    """The service's closed loops at saturation."""
    return {f"served at {c}": rig.load(rig.service, rig.selfie, c) for c in SATURATED_AT}


def _throughput(rig: Rig) -> Sample:
    rig.service  # noqa: B018 - started and warmed up before the limit is measured
    loads, limit = _amid(lambda: saturated(rig), lambda: rate_on_threads(rig.passes, rig.seconds / 2))
    rates = {name: load.per_second for name, load in loads.items()}
    return Sample(max(rates.values()) / limit, {"limit": limit, **rates}, _errors(*loads.values()))


def _latency(rig: Rig) -> Sample:
    rig.service  # noqa: B018
    load, alone_ms = _amid(
        lambda: rig.load(rig.service, rig.selfie, 1), lambda: median_ms(rig.passes[0], rig.seconds / 2)
    )
    return Sample(load.p50_ms / alone_ms, {"one pass, ms": alone_ms, "p50, ms": load.p50_ms}, _errors(load))


def _tail(rig: Rig) -> Sample:
    saturation = max(load.per_second for load in saturated(rig).values())
    load = open_loop(rig.service.target([rig.selfie]), saturation / 2, rig.open_seconds)
    parts = {"arrivals a second": saturation / 2, "p50, ms": load.p50_ms, "p99, ms": load.p99_ms}
    return Sample(load.p99_ms / load.p50_ms, parts, _errors(load))


def _large(rig: Rig) -> Sample:
    rig.service  # noqa: B018
    pass_ms = median_ms(partial(rig.workers[0].judge, rig.large.data), rig.seconds / 2)
    load, decode_ms = _amid(
        lambda: rig.load(rig.service, rig.large, 1),
        lambda: median_ms(partial(full_decode, rig.large.data), rig.seconds / 2),
    )
    parts = {"imdecode, ms": decode_ms, "one pass, ms": pass_ms, "p50, ms": load.p50_ms}
    return Sample(load.p50_ms / decode_ms, parts, _errors(load))


def _model(rig: Rig, reference: Path | None) -> Sample:
    if reference is None:
        raise Unable("the goal `model` needs --reference-model")
    ours = model_file(rig.settings.model_repository, rig.settings.triton_model)
    crop = rig.workers[0].crop(rig.selfie.data, {})
    ours_ms, reference_ms = _amid(
        *(
            partial(median_ms, partial(Worker(path).network, crop), share * rig.seconds)
            for path, share in ((ours, 1.0), (reference, 0.5))
        )
    )
    return Sample(ours_ms / reference_ms, {"model, ms": ours_ms, "reference, ms": reference_ms})


def _triton(rig: Rig, perf_analyzer: str) -> Sample:
    url, crops_file = rig.triton.url, rig.crops_file
    crop = rig.workers[0].crop(rig.selfie.data, {})

    def analyzed() -> dict[str, float]:
        return {
            f"Triton at {concurrency}": analyze(
                perf_analyzer,
                url=url,
                model=rig.settings.triton_model,
                concurrency=concurrency,
                input_data=crops_file,
                window_s=max(SHORTEST_WINDOW_S, rig.seconds / WINDOWS),
            )["Inferences/Second"]
            for concurrency in TRITON_SATURATED_AT
        }

    rates, limit = _amid(
        analyzed, lambda: rate_on_threads([partial(worker.network, crop) for worker in rig.workers], rig.seconds / 2)
    )
    return Sample(max(rates.values()) / limit, {"sessions": limit, **rates})


def _cores(rig: Rig) -> Sample:
    on_one, on_all = rig.service_on_one_core, rig.service
    one = [rig.load(on_one, rig.selfie, c) for c in SATURATED_AT]
    every = [rig.load(on_all, rig.selfie, c) for c in SATURATED_AT]
    slow, fast = (max(load.per_second for load in loads) for loads in (one, every))
    return Sample(fast / slow, {"on 1 core": slow, f"on {len(rig.cores)} cores": fast}, _errors(*one, *every))


def _amid(measured: Callable[[], T], compared_with: Callable[[], float]) -> tuple[T, float]:
    """What is measured, and the mean of what it is compared with just before and just after."""
    before = compared_with()
    result = measured()
    return result, (before + compared_with()) / 2


def _errors(*loads: Load) -> int:
    return sum(load.errors for load in loads)
