"""`liveness check`, against the running service and through the pipeline alone."""

import csv
import io
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from frontend.images import RgbImage
from tests.conftest import MakeKey, Stack, environment, jpeg_of, png_of, recaptured_on_a_screen, within


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory, portrait: RgbImage) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "live.jpg").write_bytes(jpeg_of(portrait))
    (folder / "nested").mkdir()
    (folder / "nested" / "screen.JPEG").write_bytes(jpeg_of(recaptured_on_a_screen(portrait)))
    (folder / "nested" / "coffee.png").write_bytes(png_of(data.coffee()))
    (folder / "notes.txt").write_text("passed over")
    return folder


COMMAND = (sys.executable, "-m", "frontend.cli", "check")


def there(**settings: object) -> dict[str, str]:
    """Wide, and as strict about what can be written as most locales are."""
    return environment(**settings) | {"COLUMNS": "200", "PYTHONIOENCODING": "utf-8:strict", "TERM": "xterm"}


def check(*arguments: object, **settings: object) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=there(**settings))


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


@pytest.mark.parametrize("form", ["--json", "--csv", "table"])
def test_ctrl_c_loses_no_verdict(
    stack: Stack, make_key: MakeKey, used: Callable[[str], int], pictures: Path, tmp_path: Path, form: str
) -> None:
    hash_id = make_key()
    stuck = tmp_path / "stuck.png"
    os.mkfifo(stuck)  # nobody writes into it, so reading it takes until Ctrl-C
    files = [pictures / "live.jpg", stuck, pictures / "nested/screen.JPEG", pictures / "nested/coffee.png"]
    command = [*COMMAND, *map(str, files), "--url", stack.url, *([] if form == "table" else [form])]
    output = tmp_path / "output"
    with (
        output.open("w") as stdout,
        subprocess.Popen(command, stdout=stdout, stderr=subprocess.DEVNULL, env=there(hash_id=hash_id)) as process,
    ):
        try:
            assert within(20, lambda: used(hash_id) == 3)
            time.sleep(0.5)  # what is counted is answered at once
            assert output.read_text().count("live.jpg") == (0 if form == "table" else 1)
            process.send_signal(signal.SIGINT)
            os.close(os.open(stuck, os.O_WRONLY | os.O_NONBLOCK))  # its reader gets to an end
            assert process.wait(20) != 0
        finally:
            process.kill()
    shown = output.read_text()
    assert [shown.count(file.name) for file in files] == [1, 0, 1, 1]


def test_rows_go_to_stdout_where_only_stderr_is_a_terminal(stack: Stack, hash_id: str, pictures: Path) -> None:
    terminal, stderr = pty.openpty()
    command = [*COMMAND, str(pictures), "--json", "--url", stack.url]
    with os.fdopen(terminal, "rb"), os.fdopen(stderr, "wb"):
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, check=True, env=there(hash_id=hash_id)
        )
    assert verdicts(done.stdout) == EXPECTED


@pytest.mark.parametrize("form", ["--json", "--csv", "table"])
def test_names_are_shown_whatever_they_are(
    stack: Stack, hash_id: str, pictures: Path, tmp_path: Path, form: str
) -> None:
    for name in ("selfie[old].png", os.fsdecode(b"selfie-\xff.png")):
        shutil.copy(pictures / "nested/coffee.png", tmp_path / name)
    done = check(tmp_path, "--url", stack.url, *([] if form == "table" else [form]), hash_id=hash_id)
    assert done.returncode == 0, done.stderr
    assert "selfie[old].png" in done.stdout
    assert "selfie-\ufffd.png" in done.stdout


def test_nothing_to_judge_and_no_credential_are_one_line(tmp_path: Path, pictures: Path) -> None:
    assert "no PNG or JPEG file" in check(tmp_path, data_dir=tmp_path).stderr
    no_credential = check(pictures, data_dir=tmp_path)
    assert no_credential.returncode == 1
    assert no_credential.stderr.strip().count("\n") == 0
    assert "LIVENESS_HASH_ID" in no_credential.stderr
