"""`python -m benchmarks.scale`: requests a second with one, two and three Tritons behind one frontend tier."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import psutil
import typer

from benchmarks.lib.command import run
from benchmarks.lib.corpus import small_selfie
from benchmarks.lib.load import Load, closed_loop
from benchmarks.lib.plots import plot_lines
from benchmarks.lib.quota import limited
from benchmarks.lib.report import RESULTS, markdown_table, save
from benchmarks.lib.stack import running_stack
from frontend.embedded import EmbeddedTriton
from frontend.settings import load_settings

UNLIMITED = "sharing this machine's cores"


def scale(
    seconds: Annotated[int, typer.Option(min=1, help="Length of each measurement.")] = 6,
    most: Annotated[int, typer.Option(min=1, max=8, help="Tritons.")] = 3,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests under way at all times.")] = 16,
    share: Annotated[
        float, typer.Option(min=0, help="Cores of each Triton where it is to be the limit; 0 for none.")
    ] = 0.08,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = RESULTS,
) -> None:
    """Measure twice: with Tritons that share the machine, and with each kept to a share of a core.

    On one machine more Tritons bring no more cores, so the first tells what balancing costs; the second, where each
    Triton is a machine too small for the frontend, tells what several bring.
    """
    shares = {UNLIMITED: 0.0} | ({f"each kept to {share:g} of a core": share} if share else {})
    measured: dict[str, list[Load]] = {name: [] for name in shares}
    for number in range(1, most + 1):
        for name, cores in shares.items():
            measured[name].append(_measure(number, cores, concurrency, seconds))
    rows = [
        (number, *(f"{loads[number - 1].per_second:.1f} ({loads[number - 1].errors})" for loads in measured.values()))
        for number in range(1, most + 1)
    ]
    table = markdown_table(["Tritons", *(f"{name}: a second (errors)" for name in measured)], rows)
    numbers = list(range(1, most + 1))
    lines = {name: (numbers, [load.per_second for load in loads]) for name, loads in measured.items()}
    plot_lines(out / "scale.png", {"requests a second": lines}, ["Tritons"])
    save(out, "scale", {name: [load.as_dict() for load in loads] for name, loads in measured.items()}, table)


def _measure(number: int, share: float, concurrency: int, seconds: int) -> Load:
    settings = load_settings()
    with ExitStack() as stack:
        tritons = []
        for _ in range(number):
            before = set(psutil.Process().children())
            triton = EmbeddedTriton(
                model_repository=settings.model_repository,
                model=settings.triton_model,
                runtime_dir=Path(stack.enter_context(TemporaryDirectory(prefix="liveness-benchmark-"))),
                start_timeout_s=60,
            )
            tritons.append(stack.enter_context(triton))
            if share:
                (guard,) = set(psutil.Process().children()) - before
                family = [guard.pid, *(child.pid for child in guard.children(recursive=True))]
                stack.enter_context(limited(family, share))
        url = ",".join(triton.url for triton in tritons)
        service = stack.enter_context(running_stack(triton_url=url, triton_timeout_s=10))
        target = service.target([small_selfie()])
        closed_loop(target, concurrency, max(1, seconds // 2))
        return closed_loop(target, concurrency, seconds)


if __name__ == "__main__":
    run(scale)
