"""What `evaluate` and `calibrate` have in common: labelled pictures, a progress bar for the judging, and files."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from frontend.errors import InvalidImageSet
from frontend.settings import Settings

if TYPE_CHECKING:
    from frontend.evaluation.samples import Sample

LEAST_TIMEOUT_S = 30.0
"""All cores are kept busy on purpose, so that a score may take far longer than the service would wait for it."""

Labelled = Annotated[
    Path,
    typer.Argument(metavar="FOLDER|MANIFEST", help="Folder with live/ and spoof/TYPE/, or a CSV file: path,label,…"),
]
Renamed = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=NEW", help="Take the manifest's column OLD as NEW; may be given again."),
]
Ignored = Annotated[
    list[str] | None,
    typer.Option("--ignore-column", metavar="NAME", help="Pass over a column of the manifest; may be given again."),
]
Splits = Annotated[
    list[str] | None,
    typer.Option("--split", metavar="NAME", help="Only the manifest's rows of this split; may be given again."),
]


def read_samples(labelled: Path, renamed: list[str], ignored: list[str], splits: list[str]) -> "list[Sample]":
    """The pictures of both classes that were named; raises InvalidImageSet."""
    from frontend.evaluation.folder import read_folder
    from frontend.evaluation.manifest import read_manifest
    from frontend.evaluation.samples import require_both_classes

    if labelled.is_dir():
        if renamed or ignored or splits:
            raise typer.BadParameter("--map, --ignore-column and --split are for a manifest, not for a folder")
        samples = read_folder(labelled)
    elif labelled.is_file():
        pairs = dict(_pair(text) for text in renamed)
        samples = read_manifest(labelled, renamed=pairs, ignored=ignored, splits=splits)
    else:
        raise InvalidImageSet(f"{labelled} is not there: name a folder or a CSV file")
    require_both_classes(samples)
    return samples


def patient(settings: Settings) -> Settings:
    """The same settings, but waiting longer for a score."""
    return settings.model_copy(update={"triton_timeout_s": max(settings.triton_timeout_s, LEAST_TIMEOUT_S)})


def concurrency(settings: Settings) -> int:
    """Pictures in hand at once: enough that neither the threads nor Triton wait for the other."""
    return 2 * settings.decode_threads + 2


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """On stderr, gone at the end."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as progress:
        yield progress


def write_results(settings: Settings, texts: Mapping[Path, str]) -> None:
    """Write the files whole, in folders that are made for them; the data folder as `liveness up` makes it.

    Raises StartRefused.
    """
    from frontend.cli.stack import prepare_data_dir
    from frontend.evaluation.writing import write_whole

    if any(settings.data_dir.resolve() in path.resolve().parents for path in texts):
        prepare_data_dir(settings)
    write_whole(texts)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise typer.BadParameter(f"--map {text}: give OLD=NEW")
    return old, new
