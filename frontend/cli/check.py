"""`liveness check`: judge files or folders of pictures."""

import asyncio
import csv
import json
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from frontend.errors import StartRefused
from frontend.evaluation.folder import SUFFIXES, files_below
from frontend.evaluation.samples import named
from frontend.settings import load_settings

if TYPE_CHECKING:
    from frontend.cli.judges import Judge, Outcome


def check(
    images: Annotated[
        list[Path], typer.Argument(help="Picture files, or folders of them; hidden ones are passed over.", exists=True)
    ],
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
    outcomes: list[Outcome] = []
    rows = _json_rows() if as_json else _csv_rows() if as_csv else None

    def take(outcome: "Outcome") -> None:
        outcomes.append(outcome)
        if rows:
            rows(outcome)

    with_bar = not (rows and sys.stdout.isatty())  # there the rows themselves tell how far it is
    try:
        asyncio.run(_judge_all(files, local, url, hash_id, concurrency, take=take, with_bar=with_bar))
    finally:  # Ctrl-C leaves what was judged, and counted, until then
        if outcomes and not rows:
            _show_table(outcomes)
    if any(outcome.is_live is None for outcome in outcomes):
        raise typer.Exit(1)


def picture_files(paths: list[Path]) -> list[Path]:
    """Files as they are named, and of folders every PNG and JPEG below that is not hidden, in order.

    Raises StartRefused where one is no regular file, InvalidImageSet where a folder cannot be read.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += (file for file in files_below(path) if file.suffix.lower() in SUFFIXES)
        else:
            found.append(path)
    if others := [_shown(path) for path in found if not path.is_file()]:
        raise StartRefused(f"no regular files: {named(others)}")
    return found


async def _judge_all(
    files: list[Path],
    local: bool,
    url: str,
    hash_id: str,
    concurrency: int,
    *,
    take: "Callable[[Outcome], None]",
    with_bar: bool,
) -> None:
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
                redirect_stdout=False,  # rows are for stdout, also where only stderr is a terminal
                disable=not with_bar,
            )
        )
        task = progress.add_task("judging", total=len(files))

        def take_and_advance(outcome: "Outcome") -> None:
            take(outcome)
            progress.advance(task)

        await _judge_in_order(judge, files, concurrency, take_and_advance)


async def _judge_in_order(
    judge: "Judge", files: list[Path], concurrency: int, take: "Callable[[Outcome], None]"
) -> None:
    """Have every outcome taken as soon as those before it are; at an early end, those too that came out of turn.

    Nothing is under way any more once this returns or raises.
    """
    permits = asyncio.Semaphore(concurrency)

    async def one(file: Path) -> "Outcome":
        async with permits:
            return await judge(file)

    waiting = deque(asyncio.create_task(one(file)) for file in files)
    try:
        while waiting:
            outcome = await waiting[0]
            waiting.popleft()
            take(outcome)
    finally:
        for task in waiting:
            task.cancel()
        for ended in await asyncio.gather(*waiting, return_exceptions=True):
            if not isinstance(ended, BaseException):
                take(ended)


def _json_rows() -> "Callable[[Outcome], None]":
    return lambda outcome: typer.echo(json.dumps(_row(outcome), ensure_ascii=False).encode())


def _csv_rows() -> "Callable[[Outcome], None]":
    writer = csv.DictWriter(sys.stdout, ["path", "is_live", "liveness_score", "reason"])
    lines_before = count()

    def write(outcome: "Outcome") -> None:
        if next(lines_before) == 0:
            writer.writeheader()
        writer.writerow(_row(outcome))
        sys.stdout.flush()

    return write


def _row(outcome: "Outcome") -> dict[str, object]:
    return asdict(outcome) | {"path": _shown(outcome.path)}


def _show_table(outcomes: "list[Outcome]") -> None:
    table = Table(Column("picture", overflow="fold"), "verdict", "score", "reason")
    for outcome in outcomes:
        verdict = {None: "not judged", 1: "[green]live[/]", 0: "[red]not live[/]"}[outcome.is_live]
        score = "" if outcome.liveness_score is None else f"{outcome.liveness_score:.3f}"
        table.add_row(Text(_shown(outcome.path)), verdict, score, Text(outcome.reason))
    console = Console()
    console.print(table)
    live = sum(outcome.is_live == 1 for outcome in outcomes)
    refused = sum(outcome.is_live is None for outcome in outcomes)
    console.print(
        f"{len(outcomes)} pictures: {live} live, {len(outcomes) - live - refused} not live, {refused} not judged"
    )


def _shown(path: Path) -> str:
    """The path as text that any output takes, also where its name is no UTF-8."""
    return os.fsencode(path).decode(errors="replace")
