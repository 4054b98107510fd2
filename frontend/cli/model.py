"""`liveness model`: install, list and take back versions of the anti-spoof model."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from frontend.errors import InvalidModel, StartRefused
from frontend.models.versions import ModelVersions, Version
from frontend.settings import Settings, load_settings

_FROM_WHEN = "It is served from the next start of the service, or of its Triton, on."

model_app = typer.Typer(help="Install, list and take back versions of the anti-spoof model.", no_args_is_help=True)


@model_app.command()
def install(
    file: Annotated[Path, typer.Argument(help="ONNX file of the new version.")],
    without_triton: Annotated[
        bool, typer.Option("--without-triton", help="Leave out the trial in a Triton of its own.")
    ] = False,
) -> None:
    """Try a model in every way that needs no labelled picture, and make it the newest version if it is sound.

    Nothing changes when it is not. Error rates are another matter: measure them before.
    """
    from frontend.models.validation import examine, time_ratio

    settings = load_settings()
    versions = _versions(settings)
    with versions.candidate(file) as candidate:
        seen = examine(candidate.file)
        typer.echo(f"ONNX Runtime: scores from {seen.lowest_score:.3f} to {seen.highest_score:.3f} on the smoke set")
        typer.echo(f"loaded and warm after {seen.warm_up_ms:.0f} ms")
        if (now := versions.served()) is not None:
            alone_ms, ratio = time_ratio(candidate.file, now.file)
            compared = f"{ratio:.2f} of version {now.number}'s time" if ratio else f"version {now.number} cannot be run"
            typer.echo(f"{alone_ms:.2f} ms for one crop on one thread, {compared}")
        if not without_triton:
            _try_in_triton(settings, candidate.repository)
            typer.echo("Triton: answers as ONNX Runtime does")
        version = versions.adopt(candidate)
    typer.echo(f"installed as version {version.number}, {version.file}. {_FROM_WHEN}")


@model_app.command("list")
def list_versions(as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")] = False) -> None:
    """List every version, oldest first, and say which one is served from the next start on."""
    versions = _versions(load_settings())
    served = versions.served()
    rows = [
        {
            "version": version.number,
            "state": _state(version, served),
            "installed_at": version.installed_at.isoformat(timespec="seconds"),
            "size_bytes": version.size_bytes,
            "sha256": version.sha256,
        }
        for version in versions.all()
    ]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table("version", "state", "installed", "bytes", "SHA-256 begins")
    for row in rows:
        table.add_row(*(str(row[name])[:16] for name in ("version", "state", "installed_at", "size_bytes", "sha256")))
    Console().print(table)


@model_app.command()
def rollback() -> None:
    """Take the newest version back, so that the one before it is served; it is kept beside, unseen by Triton."""
    withdrawn, served = _versions(load_settings()).withdraw()
    typer.echo(f"version {withdrawn.number} is withdrawn (kept as {withdrawn.file})")
    typer.echo(f"the newest is now version {served.number}. {_FROM_WHEN}")


def _versions(settings: Settings) -> ModelVersions:
    return ModelVersions(settings.model_repository / settings.triton_model)


def _state(version: Version, served: Version | None) -> str:
    if version.is_withdrawn:
        return "withdrawn"
    return "served" if served and version.number == served.number else "older"


def _try_in_triton(settings: Settings, repository: Path) -> None:
    from frontend.embedded import temporary_triton

    try:
        with temporary_triton(settings.model_copy(update={"model_repository": repository})):
            pass
    except StartRefused as error:
        raise InvalidModel(f"it does not run in Triton: {error}") from None
