"""docs/openapi.json is what `liveness openapi` prints now."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import environment

EXPORT = Path(__file__).parents[2] / "docs/openapi.json"


def test_export_is_in_step_whatever_the_terminal_can_show() -> None:
    command = [sys.executable, "-m", "frontend.cli", "openapi"]
    there = environment() | {"PYTHONIOENCODING": "ascii"}
    printed = subprocess.run(command, env=there, capture_output=True, encoding="utf-8", check=True).stdout
    assert EXPORT.read_text() == printed, "liveness openapi > docs/openapi.json"
