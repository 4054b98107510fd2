"""`liveness check`, against the running service and through the pipeline alone."""

import asyncio
import base64
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
from urllib.parse import urlsplit

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from skimage import data

from frontend.cli.check import picture_files
from frontend.cli.judges import Outcome, service_judge
from frontend.errors import InvalidImageSet, StartRefused
from frontend.images import RgbImage
from frontend.settings import Settings
from tests.conftest import MakeKey, Stack, environment, jpeg_of, png_of, recaptured_on_a_screen, within
from tests.relay import Relay


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


def test_json_is_utf_8_and_a_table_goes_on_whatever_the_terminal_can_show(
    stack: Stack, hash_id: str, pictures: Path, tmp_path: Path
) -> None:
    shutil.copy(pictures / "nested/coffee.png", tmp_path / "北京.png")
    command = [*COMMAND, str(tmp_path), "--url", stack.url]
    ascii_only = there(hash_id=hash_id) | {"PYTHONIOENCODING": "ascii"}
    for form, name in (("--json", "北京.png"), ("--csv", r"\u5317\u4eac.png")):
        done = subprocess.run([*command, form], env=ascii_only, capture_output=True, encoding="utf-8", check=True)
        assert name in done.stdout


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
    stuck.write_bytes(b"stuck " * 9)
    relay = Relay(urlsplit(stack.url).port or 0)
    relay.forwards = lambda data: b"" if base64.b64encode(stuck.read_bytes()) in data else data
    files = [pictures / "live.jpg", stuck, pictures / "nested/screen.JPEG", pictures / "nested/coffee.png"]
    command = [*COMMAND, *map(str, files), "--url", f"http://{relay.address}", *([] if form == "table" else [form])]
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
            assert process.wait(20) != 0
        finally:
            process.kill()
            relay.close()
    shown = output.read_text()
    assert [shown.count(file.name) for file in files] == [1, 0, 1, 1]


@pytest.mark.parametrize("form", ["--json", "--csv"])
def test_reader_that_goes_away_ends_it_quietly(
    stack: Stack, hash_id: str, pictures: Path, tmp_path: Path, form: str
) -> None:
    for number in range(40):
        shutil.copy(pictures / "nested/coffee.png", tmp_path / f"{number}.png")
    command = [*COMMAND, str(tmp_path), form, "--url", stack.url, "--concurrency", "8"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=there(hash_id=hash_id)
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read().strip() == ""
        assert process.wait(20) == 1


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


@pytest.mark.parametrize("body", ['"moved"', "{}", '{"detail": "Not Found"}', "<html>"])
def test_answer_of_another_server_is_no_verdict(tmp_path: Path, body: str) -> None:
    picture = tmp_path / "a.jpg"
    picture.touch()

    async def other(_request: web.Request) -> web.Response:
        return web.Response(text=body, status=201, content_type="application/json")

    async def outcome_and_url() -> tuple[Outcome, str]:
        app = web.Application()
        app.router.add_post("/liveness", other)
        async with TestServer(app) as server:
            url = str(server.make_url("")).rstrip("/")
            async with service_judge(Settings(), url, "0" * 64) as judge:
                return await judge(picture), url

    outcome, url = asyncio.run(outcome_and_url())
    assert outcome == Outcome(picture, None, None, f"201 from {url}, and no answer of this service")


def test_what_is_no_picture_file_is_refused_by_name(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "folder", tmp_path / "pipe.jpg"
    folder.mkdir()
    (folder / "gone.jpg").symlink_to("nowhere")
    os.mkfifo(pipe)
    with pytest.raises(StartRefused, match=r"no regular files: .*/pipe\.jpg$"):
        picture_files([pipe])
    with pytest.raises(InvalidImageSet, match=r"cannot read .*/folder/gone\.jpg: No such file"):
        picture_files([folder])


def test_nothing_to_judge_and_no_credential_are_one_line(tmp_path: Path, pictures: Path) -> None:
    assert "no PNG or JPEG file" in check(tmp_path, data_dir=tmp_path).stderr
    no_scheme = check(pictures, "--url", "localhost:5001", data_dir=tmp_path)
    assert no_scheme.stderr == "liveness: --url localhost:5001 does not begin with http:// or https://\n"
    no_credential = check(pictures, data_dir=tmp_path)
    assert no_credential.returncode == 1
    assert no_credential.stderr.strip().count("\n") == 0
    assert "LIVENESS_HASH_ID" in no_credential.stderr
