"""However a run ends, no process, shared memory region or folder of it stays on the machine."""

import os
import signal
import subprocess
import sys
import time

from frontend.embedded.runs import SHARED_MEMORY
from tests.embedded.children import PROJECT_ROOT, embedded, named, processes_of, traces_of

PARENT = """
import sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from frontend.embedded.runs import SHARED_MEMORY
from tests.embedded.children import embedded
triton = embedded(Path(sys.argv[2]))
starter = threading.Thread(target=triton.start)  # Triton must outlive the thread that started it
starter.start()
starter.join()
time.sleep(0.5)
triton.infer()
print("ready", flush=True)
time.sleep(60)
"""


def start_parent(runtime_dir):
    arguments = [sys.executable, "-c", PARENT, str(PROJECT_ROOT), str(runtime_dir)]
    parent = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "ready\n"
    parent.stdout.close()
    return parent


def wait_until_gone(runtime_dir, timeout_s):
    deadline = time.monotonic() + timeout_s
    while left := [p for p in processes_of(runtime_dir) if p.pid != os.getpid()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def regions(tokens):
    return [f.name for f in SHARED_MEMORY.iterdir() if any(token in f.name for token in tokens)]


def tokens_of(runtime_dir):
    return [folder.name.removeprefix("triton-") for folder in runtime_dir.glob("triton-*")]


def test_a_stop_leaves_the_log_alone(tmp_path):
    with embedded(tmp_path) as triton:
        tokens = tokens_of(tmp_path)
        assert len(processes_of(tmp_path)) == 4
        assert len(traces_of(tmp_path)) == 4, "a folder, a lock and two regions"
        started = time.monotonic()
    assert time.monotonic() - started < 4
    assert not processes_of(tmp_path)
    assert not regions(tokens)
    assert [file.name for file in tmp_path.iterdir()] == [triton.log_path.name]


def test_a_stop_with_a_dead_stub_takes_seconds(tmp_path):
    with embedded(tmp_path):
        named(tmp_path, "triton_python_backend_stub")[0].kill()
        started = time.monotonic()
    assert time.monotonic() - started < 4
    assert not processes_of(tmp_path)


def test_a_parent_killed_outright_takes_everything_along(tmp_path):
    parent = start_parent(tmp_path)
    tokens = tokens_of(tmp_path)
    assert regions(tokens)
    parent.kill()
    parent.wait()
    wait_until_gone(tmp_path, 3)
    assert not regions(tokens)
    assert not tokens_of(tmp_path)


def test_a_parent_killed_while_its_triton_hangs_takes_everything_along(tmp_path):
    parent = start_parent(tmp_path)
    tokens = tokens_of(tmp_path)
    for process in named(tmp_path, "tritonserver") + named(tmp_path, "triton_python_backend_stub"):
        process.send_signal(signal.SIGSTOP)
    parent.kill()
    parent.wait()
    wait_until_gone(tmp_path, 3)
    assert not regions(tokens)


def test_the_next_start_removes_what_a_crash_of_everything_left(tmp_path):
    parent = start_parent(tmp_path)
    (crashed,) = tokens_of(tmp_path)
    victims = [p for p in processes_of(tmp_path) if p.pid != parent.pid]
    for process in victims:
        process.suspend()
    parent.kill()
    parent.wait()
    for process in victims:
        process.kill()
    wait_until_gone(tmp_path, 3)
    assert regions([crashed]), "this test is to find something left"
    with embedded(tmp_path):
        assert not regions([crashed])
        assert crashed not in tokens_of(tmp_path)


def test_two_run_side_by_side(tmp_path):
    with embedded(tmp_path / "one") as one, embedded(tmp_path / "two") as two:
        assert len({one.url, one.metrics_url, two.url, two.metrics_url}) == 4
        one.stop()
        two.infer()
        assert len(traces_of(tmp_path / "two")) == 4
