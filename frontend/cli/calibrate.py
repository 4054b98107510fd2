"""`liveness calibrate`: the threshold and the scale of the score, from an operator's own labelled pictures."""

import asyncio
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
    from frontend.calibration import Calibration, ScoreMap
    from frontend.evaluation.calibrating import Fit
    from frontend.evaluation.figures import Rate
    from frontend.evaluation.judging import Judged
    from frontend.evaluation.operating_point import Target
    from frontend.evaluation.samples import Sample


def calibrate(
    labelled: Labelled,
    apcer: Annotated[
        float | None,
        typer.Option(min=0.0001, max=0.5, help="Largest share of attacks, of the worst type, that may pass."),
    ] = None,
    bpcer: Annotated[
        float | None, typer.Option(min=0.0001, max=0.5, help="Largest share of bona fide that may be turned away.")
    ] = None,
    key_name: Annotated[str, typer.Option("--key", help="For the key of this name alone; else for all others.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="File to write; by default the one that the service reads.", show_default=False)
    ] = None,
    renamed: Renamed = None,
    ignored: Ignored = None,
    splits: Splits = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the result and write nothing.")] = False,
) -> None:
    """Fit threshold and score to a target APCER or BPCER on labelled pictures, for the service's next start.

    Afterwards 0.5 is the threshold that keeps to the target, for liveness_score and is_live alike.
    """
    from frontend.calibration import require_no_other_threshold
    from frontend.evaluation.calibrating import fit
    from frontend.evaluation.operating_point import Target
    from frontend.evaluation.writing import require_writable

    if apcer is not None and bpcer is None:
        target = Target("apcer", apcer)
    elif bpcer is not None and apcer is None:
        target = Target("bpcer", bpcer)
    else:
        raise typer.BadParameter("give one target: --apcer or --bpcer, as a share, say --apcer 0.05")
    key_name = checked_name(key_name) if key_name else ""
    settings = patient(load_settings())
    path = out or settings.calibration_path
    samples = read_samples(labelled, renamed or [], ignored or [], splits or [])
    before = _there_already(settings, path)
    if not dry_run:
        if not key_name or before.default:
            remedy = "unset it, here and for the service, and calibrate again"
            require_no_other_threshold(settings, "a calibration", remedy)
        require_writable(path.parent)
    fitted = fit(asyncio.run(_judge(settings, samples, key_name or None)), target)
    _show(fitted, target)
    if dry_run:
        typer.echo("nothing is written")
        return
    score_map = fitted.score_map.model_copy(update={"evidence": _evidence(fitted, target, labelled)})
    now_there = _there_already(settings, path)  # another key may have been calibrated meanwhile
    write_results(settings, {path: _with(now_there, key_name, score_map).text()})
    typer.echo(f"written to {path}; it holds from the service's next start" + (f", for {key_name}" if key_name else ""))


def _there_already(settings: Settings, path: Path) -> "Calibration":
    """What the file holds already; raises StartRefused when that cannot be kept."""
    from frontend.calibration import Calibration, read_calibration
    from frontend.errors import StartRefused

    if not path.exists():
        return Calibration(model=settings.triton_model)
    calibration = read_calibration(path)
    if calibration.model != settings.triton_model:
        raise StartRefused(f"{path} is for the model {calibration.model}, not {settings.triton_model}: take it away")
    return calibration


def _with(calibration: "Calibration", key_name: str, score_map: "ScoreMap") -> "Calibration":
    if key_name:
        return calibration.model_copy(update={"keys": {**calibration.keys, key_name: score_map}})
    return calibration.model_copy(update={"default": score_map})


async def _judge(settings: Settings, samples: "list[Sample]", key_name: str | None) -> "list[Judged]":
    from frontend.cli.judges import local_pipeline
    from frontend.evaluation.judging import judge_all

    async with local_pipeline(settings) as pipeline:
        with progress_bar() as progress:
            task = progress.add_task("judging", total=len(samples))
            return await judge_all(
                pipeline,
                samples,
                key_name=key_name,
                concurrency=concurrency(settings),
                advance=lambda: progress.advance(task),
            )


def _evidence(
    fitted: "Fit", target: "Target", labelled: Path
) -> dict[str, str | int | float | list[str] | list[float]]:
    expected = fitted.held_out or fitted.after
    return {
        "made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "target": f"{target.rate.upper()} {target.most:.2%}",
        "pictures": labelled.resolve().name,
        "subjects": fitted.subjects,
        "raw_threshold_95": list(fitted.raw_threshold_95),
        "errors_on": "held-out subjects" if fitted.held_out else "the same pictures",
        "apcer": expected.apcer.value,
        "worst_attack_type": expected.worst_attack_type,
        "bpcer": expected.bpcer.value,
        "warnings": fitted.warnings,
    }


def _show(fitted: "Fit", target: "Target") -> None:
    console = Console()
    low, high = fitted.raw_threshold_95
    console.print(
        f"raw threshold {fitted.score_map.raw_threshold:.4f} (95 %: {low:.4f} to {high:.4f}), slope "
        f"{fitted.score_map.slope:.3f}, for {target.rate.upper()} {target.most:.2%}",
        highlight=False,
    )
    table = Table("", "APCER, worst type", "BPCER", "ACER")
    rules = {"before": fitted.before, "after": fitted.after, "after, held-out subjects": fitted.held_out}
    for name, errors in rules.items():
        if errors:
            table.add_row(name, _cell(errors.apcer), _cell(errors.bpcer), f"{errors.acer:.2%}")
    console.print(table)
    for warning in fitted.warnings:
        console.print(Text(warning, style="yellow"))


def _cell(rate: "Rate") -> str:
    low, high = rate.wilson_95
    return f"{rate.value:.2%} ({rate.errors} of {rate.presentations})\n95 %: {low:.2%} to {high:.2%}"
