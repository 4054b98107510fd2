"""docs/openapi.json is what `liveness openapi` prints now."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import environment

EXPORT = Path(__file__).parents[2] / "docs/openapi.json"


def test_export_is_in_step() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "frontend.cli", "openapi"], env=environment(), capture_output=True, text=True, check=True
    ).stdout
    assert EXPORT.read_text() == printed, "liveness openapi > docs/openapi.json"
