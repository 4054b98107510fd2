"""The `liveness` command. A command imports what it needs when it is run: `liveness keys` waits for no web server."""

import io
import sys

import typer

from frontend.cli.calibrate import calibrate
from frontend.cli.check import check
from frontend.cli.evaluate import evaluate
from frontend.cli.keys import keys_app
from frontend.cli.model import model_app
from frontend.cli.openapi import openapi
from frontend.cli.settings import settings
from frontend.cli.tune import tune
from frontend.errors import LivenessError
from frontend.settings import load_settings


def up() -> None:
    """Start Triton, the keys and the HTTP service on this machine; Ctrl-C stops them all."""
    from frontend.cli.stack import run_stack

    run_stack(load_settings())


def serve() -> None:
    """Serve HTTP in front of LIVENESS_TRITON_URL and LIVENESS_KEYS_URL, which run elsewhere."""
    from frontend.cli.server import run_server

    run_server(load_settings())


def command_line() -> typer.Typer:
    """All commands."""
    app = typer.Typer(help="On-premises face liveness.", no_args_is_help=True, pretty_exceptions_enable=False)
    for command in (up, serve, check, evaluate, calibrate, settings, tune, openapi):
        app.command()(command)
    app.add_typer(keys_app, name="keys")
    app.add_typer(model_app, name="model")
    return app


def main() -> None:
    """Run the command line; an error of ours is one line on stderr and exit status 1, never a traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="surrogateescape")  # a path of no UTF-8 is printed as the bytes that it is
    try:
        command_line()()
    except LivenessError as error:
        print(f"liveness: {error}", file=sys.stderr)
        sys.exit(1)
