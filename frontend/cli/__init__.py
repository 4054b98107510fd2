"""The `liveness` command. A command imports what it needs when it is run: `liveness keys` waits for no web server."""

import codecs
import io
import sys
from typing import TYPE_CHECKING, NoReturn

from frontend.errors import LivenessError

if TYPE_CHECKING:
    import typer


def up() -> None:
    """Start Triton, the keys and the HTTP service on this machine; Ctrl-C stops them all."""
    from frontend.cli.stack import run_stack
    from frontend.settings import load_settings

    run_stack(load_settings())


def serve() -> None:
    """Serve HTTP in front of LIVENESS_TRITON_URL and LIVENESS_KEYS_URL, which run elsewhere."""
    from frontend.cli.server import run_server
    from frontend.settings import load_settings

    run_server(load_settings())


def command_line() -> "typer.Typer":
    """All commands, imported here so that `main` catches a Ctrl-C meanwhile."""
    import typer

    from frontend.cli.calibrate import calibrate
    from frontend.cli.check import check
    from frontend.cli.evaluate import evaluate
    from frontend.cli.keys import keys_app
    from frontend.cli.model import model_app
    from frontend.cli.openapi import openapi
    from frontend.cli.settings import settings
    from frontend.cli.tune import tune

    app = typer.Typer(help="On-premises face liveness.", no_args_is_help=True, pretty_exceptions_enable=False)
    for command in (up, serve, check, evaluate, calibrate, settings, tune, openapi):
        app.command()(command)
    app.add_typer(keys_app, name="keys")
    app.add_typer(model_app, name="model")
    return app


def main() -> None:
    """Run the command line; an error of ours or the system's is one line on stderr and exit status 1, no traceback."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A path of no UTF-8 is printed as the bytes that it is, and what a terminal of no UTF-8 cannot show in ASCII. A
        # full disk is met here, not at Python's exit.
        is_utf_8 = codecs.lookup(sys.stdout.encoding).name == "utf-8"
        sys.stdout.reconfigure(errors="surrogateescape" if is_utf_8 else "backslashreplace", line_buffering=True)
    try:
        command_line()()
    except KeyboardInterrupt:
        sys.exit(130)
    except LivenessError as error:
        _fail(str(error))
    except OSError as error:
        _fail(": ".join(str(part) for part in (error.filename, error.strerror or error) if part is not None))


def _fail(message: str) -> NoReturn:
    print(f"liveness: {message}", file=sys.stderr)
    sys.stdout = None  # what it did not take is not tried again at the exit
    sys.exit(1)
