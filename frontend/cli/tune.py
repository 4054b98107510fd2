"""`liveness tune`: the number of model instances and of their threads that suits this machine."""

import asyncio
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from frontend.cores import usable_cores
from frontend.errors import StartRefused
from frontend.model_config import instances_in, with_instances
from frontend.settings import Settings, load_settings

AS_GOOD_AS = 0.97
"""Of the best throughput; within it the plainest choice wins, for the rest is noise."""


@dataclass(frozen=True, slots=True)
class Choice:
    """So many model instances, each with so many threads."""

    instances: int
    threads: int


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores a second with all cores busy, and the median time of a score alone."""

    per_second: float
    alone_ms: float


def tune(
    seconds: Annotated[float, typer.Option(min=0.2, max=60, help="Length of each measurement.")] = 2.0,
    rounds: Annotated[int, typer.Option(min=1, max=20, help="Measurements of each choice; the median counts.")] = 3,
    most_cores: Annotated[int, typer.Option("--cores", min=0, max=1024, help="Cores to use; 0 is all usable.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and write nothing.")] = False,
) -> None:
    """Measure how many model instances and threads serve this machine best, and write them into config.pbtxt.

    Stop the service first: it would share the cores with the measurement.
    """
    settings = load_settings()
    config = settings.model_repository / settings.triton_model / "config.pbtxt"
    text = _read(config)
    now = Choice(*instances_in(text))
    console = Console(stderr=True)
    measured: dict[Choice, list[Measured]] = {}
    for number in range(rounds):
        for choice in choices_for(most_cores or usable_cores()):
            console.print(f"round {number + 1} of {rounds}: {choice.instances} instances × {choice.threads} threads")
            measured.setdefault(choice, []).append(_measure(settings, text, choice, seconds))
    medians = {choice: _median(several) for choice, several in measured.items()}
    best = best_of(medians)
    _show(medians, best, now)
    if dry_run or best == now:
        typer.echo("config.pbtxt stays as it is")
        return
    _write(settings, config, text, best)
    typer.echo(f"written to {config}; it holds from the next start")


def choices_for(cores: int) -> list[Choice]:
    """Every power of two of instances and threads that fits the cores, the cores themselves, and twice the cores."""
    powers = sorted({cores} | {2**n for n in range(cores.bit_length()) if 2**n <= cores})
    fitting = [Choice(i, t) for i in powers for t in powers if i * t <= cores]
    return [*fitting, Choice(2 * cores, 1)]


def best_of(measured: dict[Choice, Measured]) -> Choice:
    """The choice with the fewest threads in all of those that are as good as the best in throughput."""
    enough = AS_GOOD_AS * max(m.per_second for m in measured.values())
    good = [choice for choice, m in measured.items() if m.per_second >= enough]
    return min(good, key=lambda choice: (choice.instances * choice.threads, choice.threads))


def _read(config: Path) -> str:
    try:
        return config.read_text()
    except OSError as error:
        raise StartRefused(f"cannot read {config} ({error.strerror}): set LIVENESS_MODEL_REPOSITORY") from None
    except UnicodeDecodeError:
        raise StartRefused(f"{config} is no text in UTF-8") from None


@contextmanager
def _repository_with(settings: Settings, config: str) -> Iterator[Path]:
    """A copy of the model in a repository of its own, with this config.pbtxt."""
    with tempfile.TemporaryDirectory(prefix="liveness-tune-") as folder:
        model = Path(folder) / "models" / settings.triton_model
        shutil.copytree(settings.model_repository / settings.triton_model, model)
        (model / "config.pbtxt").write_text(config)
        yield model.parent


def _measure(settings: Settings, text: str, choice: Choice, seconds: float) -> Measured:
    from frontend.embedded import temporary_triton

    with (
        _repository_with(settings, with_instances(text, choice.instances, choice.threads)) as repository,
        temporary_triton(settings.model_copy(update={"model_repository": repository})) as triton,
    ):
        return asyncio.run(_load(settings, triton.url, choice, seconds))


async def _load(settings: Settings, url: str, choice: Choice, seconds: float) -> Measured:
    from frontend.embedded.selfcheck import sample_crops
    from frontend.scoring import TritonScorer

    crop = sample_crops(1)["face"][0]
    concurrency = 2 * max(choice.instances, usable_cores())
    scorer = TritonScorer(url, settings.triton_model, settings.triton_timeout_s)

    async def ask_until(end_s: float) -> list[float]:
        times_s = []
        while (begun_s := time.perf_counter()) < end_s:
            await scorer.score(crop)
            times_s.append(time.perf_counter() - begun_s)
        return times_s

    try:
        await ask_until(time.perf_counter() + seconds / 4)
        alone_s = await ask_until(time.perf_counter() + seconds / 4)
        begun_s = time.perf_counter()
        answered = await asyncio.gather(*(ask_until(begun_s + seconds) for _ in range(concurrency)))
        per_second = sum(map(len, answered)) / (time.perf_counter() - begun_s)
        return Measured(per_second, 1000 * statistics.median(alone_s))
    finally:
        scorer.close()


def _median(several: list[Measured]) -> Measured:
    return Measured(
        statistics.median(m.per_second for m in several),
        statistics.median(m.alone_ms for m in several),
    )


def _show(medians: dict[Choice, Measured], best: Choice, now: Choice) -> None:
    table = Table("instances", "threads each", "scores a second", "one alone, ms", "")
    for choice, m in medians.items():
        notes = " ".join(word for word, holds in (("best", choice == best), ("as it is", choice == now)) if holds)
        table.add_row(str(choice.instances), str(choice.threads), f"{m.per_second:.0f}", f"{m.alone_ms:.2f}", notes)
    Console().print(table)


def _write(settings: Settings, config: Path, old: str, best: Choice) -> None:
    """Replace the file at one stroke, start Triton on it once, and put the old text back if that fails."""
    from frontend.embedded import temporary_triton

    _replace(config, with_instances(old, best.instances, best.threads))
    try:
        with temporary_triton(settings):
            pass
    except BaseException:
        _replace(config, old)
        raise


def _replace(config: Path, text: str) -> None:
    beside = config.with_name(config.name + ".new")
    try:
        beside.write_text(text)
        shutil.copymode(config, beside)
        beside.replace(config)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise StartRefused(f"cannot write {config}: {error.strerror}") from None
