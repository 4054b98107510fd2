"""A calibration file that the service cannot go by refuses its start, by name."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from frontend.calibration import Calibration, ScoreMap, load_calibration
from frontend.cli.calibrate import calibrate
from frontend.errors import StartRefused
from frontend.evaluation.judging import Judged
from frontend.settings import Settings
from tests.conftest import environment
from tests.evaluation.judged import attack, live

GOOD = Calibration(model="anti_spoof", default=ScoreMap(raw_threshold=0.7, slope=2)).text()


def test_file_in_the_data_folder_is_found(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert load_calibration(settings).map_for("anyone") is None
    (tmp_path / "calibration.json").write_text(GOOD)
    found = load_calibration(settings).map_for("anyone")
    assert found
    assert found.raw_threshold == 0.7


@pytest.mark.parametrize(
    ("content", "settings", "words"),
    [
        (None, {}, "cannot read the calibration"),
        ("{", {}, "is malformed (file: Invalid JSON"),
        (GOOD.replace("0.7", "1.7"), {}, "default.raw_threshold: Input should be less than 1"),
        (GOOD.replace("2", "-2"), {}, "default.slope: Input should be greater than 0"),
        (GOOD.replace('"slope"', '"slop"'), {}, "default.slope: Field required; default.slop: Extra inputs"),
        (GOOD.replace('"version": 1', '"version": 9'), {}, "version: Input should be 1"),
        (GOOD, {"triton_model": "other"}, "is for the model anti_spoof, but LIVENESS_TRITON_MODEL is other"),
        (GOOD, {"live_threshold": 0.7}, "LIVENESS_LIVE_THRESHOLD is 0.7, but the calibration"),
    ],
)
def test_start_is_refused(tmp_path: Path, content: str | None, settings: dict[str, Any], words: str) -> None:
    file = tmp_path / "mine.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StartRefused) as refused:
        load_calibration(Settings(data_dir=tmp_path, calibration=str(file), **settings))
    assert words in str(refused.value)
    assert str(file) in str(refused.value)


def test_what_is_calibrated_meanwhile_for_another_key_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "calibration.json"
    for folder in ("live", "spoof/print"):
        (tmp_path / "pictures" / folder).mkdir(parents=True)
        for number in range(10):
            (tmp_path / "pictures" / folder / f"{number}.jpg").touch()

    async def judged(*_: object) -> list[Judged]:
        file.write_text(Calibration(model="anti_spoof", keys={"other": ScoreMap(raw_threshold=0.7, slope=2)}).text())
        return [made(score, n) for made, score in ((live, 0.9), (attack, 0.1)) for n in range(10)]

    monkeypatch.setattr("frontend.cli.calibrate._judge", judged)
    calibrate(tmp_path / "pictures", apcer=0.3, key_name="acme", out=file)
    assert set(Calibration.model_validate_json(file.read_bytes()).keys) == {"acme", "other"}


def test_serve_says_so_before_it_listens_to_anybody(tmp_path: Path) -> None:
    (tmp_path / "calibration.json").write_text("{}")
    command = [sys.executable, "-m", "frontend.cli", "serve"]
    there = environment(data_dir=tmp_path, port=0, triton_url="127.0.0.1:9")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=there, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"liveness: the calibration {tmp_path / 'calibration.json'} is malformed (model: Field"
    )
    assert done.stdout == ""
