"""`liveness settings` shows what is set as it is."""

import subprocess
import sys

from tests.conftest import environment


def test_values_are_shown_whatever_they_hold() -> None:
    folder = "/srv/liveness[old]/a-folder-with-a-name-that-takes-more-than-one-line-of-a-narrow-table"
    done = subprocess.run(
        [sys.executable, "-m", "frontend.cli", "settings"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(data_dir=folder, keys_url="mongodb://user:secret@127.0.0.1/x") | {"COLUMNS": "80"},
    )
    rows = [[cell.strip() for cell in line.split("│")] for line in done.stdout.splitlines() if line.startswith("│")]
    variables, values = ("".join(row[column] for row in rows) for column in (1, 2))
    assert "LIVENESS_TRITON_START_TIMEOUT_S" in variables
    assert folder in values
    assert "…" not in variables + values
    assert "secret" not in done.stdout
