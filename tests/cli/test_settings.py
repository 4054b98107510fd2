"""`liveness settings` shows what is set as it is; what cannot be is refused by its name."""

import subprocess
import sys

import pytest

from frontend.errors import StartRefused
from frontend.settings import load_settings
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


def test_a_line_break_behind_a_secret_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVENESS_KEYS_URL", "mongodb://127.0.0.1/liveness\n")
    assert load_settings().keys_url == "mongodb://127.0.0.1/liveness"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", ""),
        ("HOST", "a..b"),
        ("HOST", "a\udcff"),
        ("TRITON_URL", "a..b:8000"),
        ("TRITON_MODEL", "../anti_spoof"),
        ("REFUSE_REASONS", "a\udcff"),
        ("ACCEPTED_RISKS", "a\udcff"),
        ("DATA_DIR", ""),
        ("MODEL_REPOSITORY", ""),
        ("MIN_SHARPNESS", "inf"),
        ("LIVE_THRESHOLD", "nan"),
        ("MAX_BRIGHTNESS", "0.1"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name_alone(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(f"LIVENESS_{variable}", value)
    with pytest.raises(StartRefused) as refusal:
        load_settings()
    assert str(refusal.value).startswith(f"bad setting: LIVENESS_{variable}: ")
    assert "; " not in str(refusal.value)
