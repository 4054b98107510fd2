"""SIGTERM: readiness goes first, what is under way is finished and counted, a deadline ends it, nothing is left."""

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import psutil
import pytest

from frontend.cli.server import CLOSING_S
from tests.conftest import all_gone, data_uri, frontend_processes, running, within
from tests.faults.fake_triton import FakeTriton, judge_late
from tests.faults.load import Answer, Client, Key, documented, steady_load

NOTICE_S = 1.0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_under_load_loses_no_verdict_and_leaves_nothing(
    tmp_path: Path, log: Path, small_jpeg: bytes, workers: int
) -> None:
    settings = {"port": 0, "data_dir": tmp_path, "workers": workers, "stop_notice_s": NOTICE_S}
    with running("up", "Ctrl-C", log=log, **settings) as (process, ready):
        url = ready.split("Services is live: ")[1].split()[0]
        key = Key(f"sqlite:///{tmp_path / 'keys.sqlite3'}")
        family = psutil.Process(process.pid).children(recursive=True)
        with steady_load(url, key.body(small_jpeg)) as seen:
            told_s = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            ended_s = time.monotonic()
            time.sleep(0.3)
    assert all(documented(answer) for answer in seen.judged if answer.status)
    assert key.used() == seen.delivered
    unready = seen.ready_since(told_s, 503)
    assert unready is not None, "readiness went first"
    assert b"is stopping" in unready.body
    last = max(answer.answered_s for answer in seen.judged if answer.status == 201)
    assert last > unready.answered_s, "verdicts were given after readiness had gone"
    assert {answer.status for answer in seen.judged if answer.asked_s > ended_s} == {0}
    assert ended_s - told_s < 15
    assert within(5, lambda: all_gone(family))
    assert not list((tmp_path / "triton").glob("triton-*/"))


@contextmanager
def serve_on(triton: FakeTriton, folder: Path, **settings: object) -> Iterator[tuple[subprocess.Popen[str], str, Key]]:
    """`liveness serve` in `folder` with all its processes ready, its address, and a key of it."""
    settings = {"workers": 1, "port": 0, "data_dir": folder, **settings}
    address = f"127.0.0.1:{triton.server_port}"
    with running("serve", "listening on", log=folder / "log", triton_url=address, **settings) as (process, line):
        assert within(30, lambda: (folder / "log").read_text().count("startup complete") == settings["workers"])
        yield process, line.split()[-1], Key(f"sqlite:///{folder / 'keys.sqlite3'}")


def ask(url: str, method: str, path: str, body: bytes | None = None) -> Answer:
    client = Client(url)
    try:
        return client.ask(method, path, body)
    finally:
        client.close()


def refuses(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return True
    return False


@dataclass
class Stop:
    """A request under way when SIGTERM came; how long after that it was answered, newcomers were refused, all ended."""

    answer: Answer
    answered_after_s: float
    refused_after_s: float
    ended_after_s: float


def stop_amid_a_request(process: subprocess.Popen[str], triton: FakeTriton, url: str, body: bytes) -> Stop:
    judging = threading.Event()
    respond = triton.respond

    def note_and_respond(handler: BaseHTTPRequestHandler) -> None:
        judging.set()
        respond(handler)

    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(ask(url, "POST", "/liveness", body)))
    with triton.doing(note_and_respond):
        asking.start()
        assert judging.wait(10)
        told_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert within(10, lambda: refuses(url))
        refused_after_s = time.monotonic() - told_s
        assert process.wait(20) == 0
        ended_after_s = time.monotonic() - told_s
        asking.join()
    return Stop(answers[0], answers[0].answered_s - told_s, refused_after_s, ended_after_s)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_under_way_is_finished_and_new_ones_are_refused(
    tmp_path: Path, live_triton: FakeTriton, small_jpeg: bytes, workers: int
) -> None:
    live_triton.respond = partial(judge_late, after_s=3)
    with serve_on(live_triton, tmp_path, workers=workers, triton_timeout_s=10) as (process, url, key):
        stop = stop_amid_a_request(process, live_triton, url, key.body(small_jpeg))
    assert stop.answer.status == 201
    assert key.used() == 1
    assert stop.refused_after_s < stop.answered_after_s, "newcomers need not wait for those under way"
    assert stop.ended_after_s < 12


def test_a_deadline_ends_a_request_that_takes_too_long(
    tmp_path: Path, live_triton: FakeTriton, small_jpeg: bytes
) -> None:
    live_triton.respond = partial(judge_late, after_s=15)
    with serve_on(live_triton, tmp_path, stop_timeout_s=1, triton_timeout_s=30) as (process, url, key):
        stop = stop_amid_a_request(process, live_triton, url, key.body(small_jpeg))
    assert stop.answer.status == 503
    assert documented(stop.answer)
    assert b"stopping" in stop.answer.body
    assert key.used() == 0
    assert stop.ended_after_s < 12


def test_a_deadline_ends_uploads_and_batches_too_and_counts_nothing(
    tmp_path: Path, live_triton: FakeTriton, small_jpeg: bytes
) -> None:
    live_triton.respond = partial(judge_late, after_s=0.4)
    with serve_on(live_triton, tmp_path, stop_timeout_s=1, decode_threads=1) as (process, url, key):
        batch = json.dumps({"hash_id": key.hash_id, "selfie_images": [data_uri(small_jpeg)] * 16}).encode()
        host, port = url.removeprefix("http://").split(":")
        with (
            socket.create_connection((host, int(port)), 20) as upload,
            socket.create_connection((host, int(port)), 20) as whole,
        ):
            upload.sendall(b"POST /liveness HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
            whole.sendall(
                b"POST /liveness/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(batch) + batch
            )
            time.sleep(1)  # two or three pictures are judged
            process.send_signal(signal.SIGTERM)
            answers = [b"".join(iter(partial(end.recv, 65536), b"")).lower() for end in (upload, whole)]
        assert process.wait(20) == 0
    for answer in answers:
        assert answer.startswith(b"http/1.1 503"), answer
        assert b"the service is stopping" in answer
        assert b"retry-after: 1\r\n" in answer
        assert b"x-request-id: " in answer
    assert key.used() == 0
    log = (tmp_path / "log").read_text()
    assert "Traceback" not in log
    audit = [json.loads(entry) for entry in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {entry["outcome"] for entry in audit} == {"interrupted"}
    assert len({entry["request_id"] for entry in audit}) == len(audit) >= 3


@pytest.mark.parametrize("signals", [1, 2], ids=["in time", "at the second signal"])
def test_a_worker_that_hangs_holds_up_no_stop(tmp_path: Path, live_triton: FakeTriton, signals: int) -> None:
    with serve_on(live_triton, tmp_path, workers=2, stop_timeout_s=1) as (process, _, _):
        family = psutil.Process(process.pid).children(recursive=True)
        frontend_processes(psutil.Process(process.pid))[0].suspend()
        told_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        if signals == 2:
            time.sleep(2)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        ended_after_s = time.monotonic() - told_s
        assert within(5, lambda: all_gone(family))
    assert ended_after_s < 4 if signals == 2 else ended_after_s > CLOSING_S
