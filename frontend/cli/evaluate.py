"""`liveness evaluate`: labelled pictures through the pipeline that serves, and a report by ISO/IEC 30107-3."""

import asyncio
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from frontend.cli.labelled import (
    Ignored,
    Labelled,
    Renamed,
    Splits,
    concurrency,
    patient,
    progress_bar,
    read_samples,
    write_results,
)
from frontend.keys.store import checked_name
from frontend.settings import Settings, load_settings

if TYPE_CHECKING:
    from frontend.evaluation.figures import Figures
    from frontend.evaluation.judging import Judged
    from frontend.evaluation.robustness import Shift
    from frontend.evaluation.samples import Sample


def evaluate(
    labelled: Labelled,
    out: Annotated[Path, typer.Option(help="Folder for report.html and report.json.")] = Path("liveness-report"),
    renamed: Renamed = None,
    ignored: Ignored = None,
    splits: Splits = None,
    key_name: Annotated[str, typer.Option("--key", help="As the key of this name is answered.")] = "",
    robustness: Annotated[
        int, typer.Option(min=0, help="Judge so many of the pictures again, changed in many ways.", metavar="N")
    ] = 0,
    no_pictures: Annotated[bool, typer.Option("--no-pictures", help="Show no mistaken picture in the report.")] = False,
    title: Annotated[str, typer.Option(help="Heading of the report.")] = "",
) -> None:
    """Judge labelled pictures as the service would, and write a report by ISO/IEC 30107-3 as HTML and JSON."""
    key = checked_name(key_name) if key_name else None
    settings = patient(load_settings())
    samples = read_samples(labelled, renamed or [], ignored or [], splits or [])

    from frontend.app import image_limits
    from frontend.evaluation.html import html_of
    from frontend.evaluation.measuring import figures_of
    from frontend.evaluation.mistakes import worst_mistakes
    from frontend.evaluation.report import Report
    from frontend.evaluation.writing import require_writable

    require_writable(out)
    threshold, calibration = _operating_point(settings, key)
    begun_s = time.monotonic()
    judged, shifts = asyncio.run(_judge(settings, samples, key, robustness))
    figures = figures_of(judged, threshold)
    report = Report(
        made_at=datetime.now(timezone.utc),
        title=title or f"Presentation attack detection: {labelled.resolve().name}",
        model=settings.triton_model,
        calibration=calibration,
        key_name=key,
        seconds=time.monotonic() - begun_s,
        judged=judged,
        figures=figures,
        robustness=shifts,
        mistakes={} if no_pictures else worst_mistakes(judged, image_limits(settings)),
    )
    write_results(settings, {out / "report.html": html_of(report), out / "report.json": report.json()})
    _show(figures)
    typer.echo(f"written: {out / 'report.html'} and {out / 'report.json'}")


def _operating_point(settings: Settings, key_name: str | None) -> tuple[float, str]:
    """The threshold of the answered score, and in words where it comes from."""
    from frontend.calibration import OPERATING_POINT, load_calibration

    if load_calibration(settings).map_for(key_name):
        return OPERATING_POINT, f"calibrated by {settings.calibration_path.name}, threshold {OPERATING_POINT}"
    return settings.live_threshold, f"uncalibrated, threshold {settings.live_threshold}"


async def _judge(
    settings: Settings, samples: "list[Sample]", key_name: str | None, number: int
) -> "tuple[list[Judged], list[Shift]]":
    from frontend.app import image_limits
    from frontend.cli.judges import local_pipeline
    from frontend.evaluation.judging import judge_all
    from frontend.evaluation.rejudging import shifts_of
    from frontend.evaluation.robustness import sample_of

    at_once = concurrency(settings)
    async with local_pipeline(settings) as pipeline:
        with progress_bar() as progress:
            task = progress.add_task("judging", total=len(samples))
            judged = await judge_all(
                pipeline, samples, key_name=key_name, concurrency=at_once, advance=lambda: progress.advance(task)
            )
            if not (chosen := sample_of(judged, number)):
                return judged, []
            again = progress.add_task("judging them changed", total=len(chosen))
            shifts = await shifts_of(
                pipeline,
                chosen,
                limits=image_limits(settings),
                key_name=key_name,
                concurrency=settings.decode_threads + 1,
                advance=lambda: progress.advance(again),
            )
            return judged, shifts


def _show(figures: "Figures") -> None:
    table = Table("", "rate", "95 %")
    for name, rate in (
        (f"APCER (worst type: {figures.worst_attack_type})", figures.apcer),
        ("BPCER", figures.bpcer),
        ("BPNRR: bona fide without a response", figures.bpnrr),
    ):
        low, high = rate.widest_95
        table.add_row(Text(name), f"{rate.value:.2%}", f"{low:.2%} to {high:.2%}")
    for name, figure in (
        ("ACER", figures.acer),
        ("EER", figures.eer),
        ("BPCER at APCER 1 %", figures.bpcer_at_apcer_1),
        ("BPCER at APCER 5 %", figures.bpcer_at_apcer_5),
    ):
        low, high = figure.bootstrap_95
        table.add_row(name, f"{figure.value:.2%}", f"{low:.2%} to {high:.2%}")
    console = Console()
    console.print(table)
    for warning in figures.warnings:
        console.print(Text(warning, style="yellow"))
