"""`liveness check`, against the running service and through the pipeline alone."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from frontend.images import RgbImage
from tests.conftest import Stack, environment, jpeg_of, png_of, recaptured_on_a_screen


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, portrait: RgbImage) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "live.jpg").write_bytes(jpeg_of(portrait))
    (folder / "nested").mkdir()
    (folder / "nested" / "screen.JPEG").write_bytes(jpeg_of(recaptured_on_a_screen(portrait)))
    (folder / "nested" / "coffee.png").write_bytes(png_of(data.coffee()))
    (folder / "notes.txt").write_text("passed over")
    return folder


def check(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "frontend.cli", "check", *map(str, arguments)]
    wide = environment(**settings) | {"COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=wide)


def verdicts(json_lines: str) -> dict[str, tuple[int | None, str]]:
    rows = [json.loads(line) for line in json_lines.splitlines()]
    return {Path(row["path"]).name: (row["is_live"], row["reason"]) for row in rows}


EXPECTED = {
    "live.jpg": (1, ""),
    "screen.JPEG": (0, ""),
    "coffee.png": (0, "No face was found in the selfie image."),
}


def test_folder_through_the_service(stack: Stack, hash_id: str, pictures: Path) -> None:
    done = check(pictures, "--json", "--url", f"{stack.url}/", hash_id=hash_id)
    assert done.returncode == 0, done.stderr
    assert verdicts(done.stdout) == EXPECTED


def test_folder_through_the_pipeline_alone(pictures: Path) -> None:
    done = check(pictures, "--json", "--local")
    assert done.returncode == 0, done.stderr
    assert verdicts(done.stdout) == EXPECTED


def test_csv_and_table(stack: Stack, hash_id: str, pictures: Path) -> None:
    service = ("--url", stack.url, "--hash-id", hash_id)
    rows = list(csv.DictReader(io.StringIO(check(pictures, "--csv", *service).stdout)))
    assert [row["is_live"] for row in rows] == ["1", "0", "0"]
    table = check(pictures / "live.jpg", *service).stdout
    assert "live.jpg" in table
    assert "1 pictures: 1 live, 0 not live, 0 not judged" in table


def test_what_cannot_be_judged_is_named_and_fails(stack: Stack, hash_id: str, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(png_of(np.zeros((9, 9, 3), np.uint8))[:40])
    done = check(tmp_path / "broken.png", "--json", "--url", stack.url, hash_id=hash_id)
    assert done.returncode == 1
    ((is_live, reason),) = verdicts(done.stdout).values()
    assert is_live is None
    assert reason.startswith("400 Invalid or corrupt selfie image.")


def test_wrong_credential_and_no_service_are_named(stack: Stack, pictures: Path) -> None:
    refused = check(pictures / "live.jpg", "--json", "--url", stack.url, hash_id="0" * 64)
    assert verdicts(refused.stdout)["live.jpg"] == (None, "401 Invalid credentials")
    nobody = check(pictures / "live.jpg", "--json", "--url", "http://127.0.0.1:9", hash_id="0" * 64)
    assert "no answer from http://127.0.0.1:9" in verdicts(nobody.stdout)["live.jpg"][1]


def test_nothing_to_judge_and_no_credential_are_one_line(tmp_path: Path, pictures: Path) -> None:
    assert "no PNG or JPEG file" in check(tmp_path, data_dir=tmp_path).stderr
    no_credential = check(pictures, data_dir=tmp_path)
    assert no_credential.returncode == 1
    assert no_credential.stderr.strip().count("\n") == 0
    assert "LIVENESS_HASH_ID" in no_credential.stderr
