"""`liveness check`: judge files or folders of pictures."""

import asyncio
import csv
import json
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from frontend.errors import StartRefused
from frontend.settings import load_settings

if TYPE_CHECKING:
    from frontend.cli.judges import Judge, Outcome

_SUFFIXES = {".png", ".jpg", ".jpeg"}


def check(
    images: Annotated[list[Path], typer.Argument(help="Picture files, or folders of them.", exists=True)],
    local: Annotated[
        bool, typer.Option("--local", help="Through the pipeline here, without a running service.")
    ] = False,
    url: Annotated[str, typer.Option(help="The running service.")] = "",
    hash_id: Annotated[
        str,
        typer.Option(envvar="LIVENESS_HASH_ID", help="Credential; the demo key's by default.", show_default=False),
    ] = "",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Pictures judged at once.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a picture, a line each.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
) -> None:
    """Judge pictures and show score, verdict and reason of each; exit status 1 if any could not be judged."""
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    files = picture_files(images)
    if not files:
        raise StartRefused("no PNG or JPEG file in what was named")
    outcomes = asyncio.run(_judge_all(files, local, url, hash_id, concurrency))
    _show(outcomes, as_json=as_json, as_csv=as_csv)
    if any(outcome.is_live is None for outcome in outcomes):
        raise typer.Exit(1)


def picture_files(paths: list[Path]) -> list[Path]:
    """Files as they are named, and of folders every PNG and JPEG below, in order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES and p.is_file())
        else:
            found.append(path)
    return found


async def _judge_all(files: list[Path], local: bool, url: str, hash_id: str, concurrency: int) -> "list[Outcome]":
    from frontend.cli.judges import local_judge, service_judge

    settings = load_settings()
    async with AsyncExitStack() as stack:
        judge: Judge
        if local:
            judge = await stack.enter_async_context(local_judge(settings))
        else:
            judge = await stack.enter_async_context(service_judge(settings, url, hash_id))
        progress = stack.enter_context(
            Progress(
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
            )
        )
        task = progress.add_task("judging", total=len(files))
        outcomes = []
        async for outcome in _in_order(judge, files, concurrency):
            outcomes.append(outcome)
            progress.advance(task)
        return outcomes


async def _in_order(judge: "Judge", files: list[Path], concurrency: int) -> "AsyncIterator[Outcome]":
    permits = asyncio.Semaphore(concurrency)

    async def one(file: Path) -> "Outcome":
        async with permits:
            return await judge(file)

    for task in [asyncio.create_task(one(file)) for file in files]:
        yield await task


def _show(outcomes: "list[Outcome]", *, as_json: bool, as_csv: bool) -> None:
    rows = [asdict(outcome) | {"path": str(outcome.path)} for outcome in outcomes]
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    if as_csv:
        writer = csv.DictWriter(sys.stdout, ["path", "is_live", "liveness_score", "reason"])
        writer.writeheader()
        writer.writerows(rows)
        return
    table = Table("picture", "verdict", "score", "reason")
    for outcome in outcomes:
        verdict = {None: "not judged", 1: "[green]live[/]", 0: "[red]not live[/]"}[outcome.is_live]
        score = "" if outcome.liveness_score is None else f"{outcome.liveness_score:.3f}"
        table.add_row(str(outcome.path), verdict, score, outcome.reason)
    console = Console()
    console.print(table)
    live = sum(outcome.is_live == 1 for outcome in outcomes)
    refused = sum(outcome.is_live is None for outcome in outcomes)
    console.print(
        f"{len(outcomes)} pictures: {live} live, {len(outcomes) - live - refused} not live, {refused} not judged"
    )
