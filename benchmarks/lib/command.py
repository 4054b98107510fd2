"""How a benchmark is run from the command line."""

import os
import sys
from collections.abc import Callable

import typer

from frontend.cli.server import exit_on_sigterm
from frontend.errors import LivenessError

BUSY = 0.3
"""Share of the cores from which on other work spoils the figures."""


class Unable(Exception):
    """The benchmark cannot be made; the message says what is missing or wrong."""


def run(benchmark: Callable[..., None]) -> None:
    """Run it with the options of its signature; what was foreseen to fail is one line and exit status 1.

    Ended by Ctrl-C or SIGTERM it stops what it started.
    """
    exit_on_sigterm()
    if (busy := os.getloadavg()[0]) > BUSY * len(os.sched_getaffinity(0)):
        print(f"This machine is busy with other work (load average {busy:.1f}): the figures will tell of that too.")
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(benchmark)
    try:
        app()
    except (Unable, LivenessError) as error:
        print(f"{benchmark.__name__}: {error}", file=sys.stderr)
        sys.exit(1)
