"""`liveness up` starts, says how to use it, and leaves nothing behind however it ends."""

import asyncio
import errno
import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import psutil
import pytest

import frontend.cli
from frontend.cli.demo import DemoKey, demo_key, demo_picture
from frontend.cli.server import listening_socket
from frontend.errors import StartRefused
from frontend.keys.homes import key_store
from frontend.settings import Settings
from tests.conftest import Stack, all_gone, environment, frontend_processes, running, within


def stack_in(data_dir: Path, **settings: object) -> AbstractContextManager[tuple[subprocess.Popen[str], str]]:
    return running("up", "Ctrl-C", port=0, data_dir=data_dir, log=data_dir / "log", **settings)


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def test_curl_line_works_when_pasted(stack: Stack) -> None:
    line = next(line for line in stack.ready_lines.splitlines() if "curl" in line)
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True, cwd="/")
    answer = json.loads(done.stdout)
    assert answer["message"] == "Success"
    assert answer["liveness_result"]["is_live"] == 0


def test_demo_key_is_kept_across_restarts_with_its_count(tmp_path: Path) -> None:
    folder = tmp_path / "an operator's"
    folder.mkdir(0o700)
    hash_ids = set()
    for left, new_limit in (("100 of 100 requests left", "1"), ("0 of 1 requests left", "none"), ("no limit", "5")):
        with stack_in(folder) as (_, ready):
            assert f"({left})" in ready
            hash_ids.add(ready.split("demo hash_id: ")[1].split()[0])
            curl = next(line for line in ready.splitlines() if "curl" in line)
            subprocess.run(["sh", "-c", curl], check=True, capture_output=True)
        set_limit = [sys.executable, "-m", "frontend.cli", "keys", "set-limit", "demo", new_limit]
        subprocess.run(set_limit, check=True, capture_output=True, env=environment(data_dir=folder))
    assert len(hash_ids) == 1
    assert (folder / "demo_hash_id").stat().st_mode & 0o777 == 0o600
    assert f"its log is {folder / 'triton' / 'triton.log'}\n" in (folder / "log").read_text()


def test_a_demo_key_that_cannot_be_used_gives_way_to_another(tmp_path: Path) -> None:
    async def demo() -> DemoKey:
        store = key_store(f"sqlite://{tmp_path / 'keys.sqlite3'}", 5)
        await store.open()
        try:
            return await demo_key(store, tmp_path)
        finally:
            await store.close()

    (tmp_path / "demo_hash_id").write_bytes(b"\xff\n")
    made = asyncio.run(demo())
    assert asyncio.run(demo()) == made


def test_of_a_picture_that_does_not_fit_on_the_disk_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(file: Path, content: bytes) -> None:
        with file.open("wb") as half:
            half.write(content[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(StartRefused, match=r"cannot write .*png: No space left on device"):
        demo_picture(tmp_path)
    assert not list(tmp_path.iterdir())


def test_ipv6_address_is_printed_as_a_browser_takes_it(tmp_path: Path, portrait_jpeg: bytes) -> None:
    (tmp_path / "live.jpg").write_bytes(portrait_jpeg)
    with stack_in(tmp_path, host="::1") as (_, ready):
        url = ready.split("Services is live: ")[1].split()[0]
        assert url.startswith("http://[::1]:")
        assert httpx.get(f"{url}/status_check").status_code == 200
        command = [sys.executable, "-m", "frontend.cli", "check", str(tmp_path / "live.jpg"), "--json"]
        there = environment(host="::1", port=url.rpartition(":")[2], data_dir=tmp_path)
        checked = subprocess.run(command, capture_output=True, text=True, check=False, env=there)
        assert json.loads(checked.stdout)["is_live"] == 1, checked
    log = tmp_path / "serve.log"
    with running("serve", "listening", log, host="::1", port=0, triton_url="127.0.0.1:9", data_dir=tmp_path) as (
        _,
        seen,
    ):
        assert seen.startswith("listening on http://[::1]:")
        port = seen.split()[2].rpartition(":")[2]
        there = environment(host="::1", port=port, triton_url="127.0.0.1:9", data_dir=tmp_path)
        second = subprocess.run(
            [sys.executable, "-m", "frontend.cli", "serve"], capture_output=True, text=True, check=False, env=there
        )
        assert f"cannot listen on [::1]:{port} " in second.stderr


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_nothing_is_left_however_it_is_stopped(tmp_path: Path, how: signal.Signals, workers: int) -> None:
    with stack_in(tmp_path, workers=workers) as (process, ready):
        family = family_of(process)
        assert any("tritonserver" in p.name() for p in family)
        assert list((tmp_path / "triton").glob("triton-*/"))
        if how == signal.SIGHUP:  # a terminal sends it to all, and again
            for frontend in frontend_processes(family[0]):
                frontend.send_signal(how)
            process.send_signal(how)
            time.sleep(0.1)
        process.send_signal(how)
        assert process.wait(15) == (0 if how != signal.SIGKILL else -signal.SIGKILL)
        if how != signal.SIGKILL:
            assert (tmp_path / "log").read_text().count("Finished server process") == workers
    assert within(8, lambda: all_gone(family))
    assert within(8, lambda: not list((tmp_path / "triton").glob("triton-*/")))
    url = ready.split("Services is live: ")[1].split()[0]
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{url}/healthz")


def test_it_serves_on_where_nobody_reads_what_it_prints(tmp_path: Path) -> None:
    command, log = [sys.executable, "-m", "frontend.cli", "up"], tmp_path / "log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, env=environment(port=0, data_dir=tmp_path)
        )
    assert process.stdout
    process.stdout.close()
    assert within(20, lambda: "Application startup complete" in log.read_text())
    time.sleep(1)  # until it would have printed how to use it
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    assert "Traceback" not in log.read_text()


def test_a_terminal_that_is_closed_while_triton_starts_ends_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "frontend.cli", "up"]
    with subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(port=0, data_dir=tmp_path),
    ) as process:
        assert process.stderr
        assert "starting Triton" in process.stderr.readline()
        assert within(5, lambda: bool(list((tmp_path / "triton").glob("triton-*/"))))
        process.send_signal(signal.SIGHUP)
        assert process.wait(10) == 0
        assert process.stderr.readline() == "stopped\n"
    assert not list((tmp_path / "triton").glob("triton-*/"))


@pytest.mark.parametrize("workers", [1, 2])
def test_under_nohup_a_closed_terminal_changes_nothing(tmp_path: Path, workers: int) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which a child inherits, as from `nohup`
    try:
        there = {"port": 0, "triton_url": "127.0.0.1:9", "data_dir": tmp_path, "workers": workers}
        with running("serve", "listening", tmp_path / "log", **there) as (process, ready):
            url = ready.split()[-1]
            assert within(10, lambda: httpx.get(f"{url}/healthz").status_code == 200)
            service = psutil.Process(process.pid)
            family = {service, *frontend_processes(service)}
            for one in family:
                one.send_signal(signal.SIGHUP)
            time.sleep(1)  # two rounds of the supervisor
            assert family == {service, *frontend_processes(service)}
            assert httpx.get(f"{url}/healthz").status_code == 200
    finally:
        signal.signal(signal.SIGHUP, before)


def test_killed_triton_comes_back_and_gives_no_verdict_meanwhile(tmp_path: Path) -> None:
    with stack_in(tmp_path) as (process, ready):
        url = ready.split("Services is live: ")[1].split()[0]
        next(p for p in family_of(process) if "tritonserver" in p.name()).kill()
        assert within(3, lambda: httpx.get(f"{url}/status_check").status_code == 503)
        assert httpx.get(f"{url}/healthz").status_code == 200
        assert within(10, lambda: httpx.get(f"{url}/status_check").status_code == 200)


def up_fails(**settings: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "frontend.cli", "up"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment(**settings),
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        last_line = up_fails(port=port, data_dir=tmp_path)
    assert f"127.0.0.1:{port}" in last_line
    assert "LIVENESS_PORT" in last_line


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"port": "many"}, "LIVENESS_PORT"),
        ({"live_threshold": 1.5}, "LIVENESS_LIVE_THRESHOLD"),
        ({"refuse_reasons": "FACE_TOO_UGLY"}, "LIVENESS_REFUSE_REASONS"),
        ({"keys_url": "mysql://nowhere"}, "LIVENESS_KEYS_URL"),
        ({"triton_url": "127.0.0.1:8000"}, "LIVENESS_TRITON_URL"),
        ({"model_repository": "/nowhere"}, "/nowhere"),
        ({"keys_url": "sqlite:////tmp"}, "LIVENESS_KEYS_URL"),
        ({"triton_model": "nope"}, "LIVENESS_TRITON_MODEL"),
        ({"keys_url": "mongodb://localhost:abc/liveness"}, "no valid MongoDB address"),
        ({"data_dir": f"/{'x' * 300}"}, f"liveness: /{'x' * 300}: File name too long"),
    ],
)
def test_bad_settings_refuse_the_start_by_name(tmp_path: Path, settings: dict[str, object], expected: str) -> None:
    assert expected in up_fails(**({"port": 0, "data_dir": tmp_path} | settings))


def test_folder_that_cannot_be_written_is_named() -> None:
    assert "LIVENESS_DATA_DIR" in up_fails(port=0, data_dir="/proc/nowhere")


def test_a_host_without_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", none)
    with pytest.raises(StartRefused, match=r"LIVENESS_HOST=nohost\.invalid has no address"):
        listening_socket(Settings(host="nohost.invalid"))


def test_a_ctrl_c_before_any_command_runs_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(frontend.cli, "command_line", interrupted)
    with pytest.raises(SystemExit) as end:
        frontend.cli.main()
    assert end.value.code == 130
