"""However a run ends, no process or folder of it stays on the machine."""

import os
import subprocess
import sys
import time

from tests.embedded.children import PROJECT_ROOT, embedded, named, processes_of

PARENT = """
import sys, threading, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
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


def folders_of(runtime_dir):
    return [folder.name for folder in runtime_dir.glob("triton-*")]


def test_a_stop_leaves_the_log_alone(tmp_path):
    with embedded(tmp_path) as triton:
        assert len(processes_of(tmp_path)) == 2, "the guard and tritonserver"
        assert len(folders_of(tmp_path)) == 1
        started = time.monotonic()
    assert time.monotonic() - started < 4
    assert not processes_of(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [triton.log_path.name]


def test_a_stop_of_one_that_hangs_takes_seconds(tmp_path):
    with embedded(tmp_path):
        named(tmp_path, "tritonserver")[0].suspend()
        started = time.monotonic()
    assert time.monotonic() - started < 4
    assert not processes_of(tmp_path)


def test_a_stop_whose_guard_was_killed_leaves_nothing(tmp_path):
    with embedded(tmp_path):
        (guard,) = set(processes_of(tmp_path)) - set(named(tmp_path, "tritonserver"))
        guard.kill()
    assert not processes_of(tmp_path)
    assert not folders_of(tmp_path)


def test_a_parent_killed_outright_takes_everything_along(tmp_path):
    parent = start_parent(tmp_path)
    assert folders_of(tmp_path)
    parent.kill()
    parent.wait()
    wait_until_gone(tmp_path, 3)
    assert not folders_of(tmp_path)


def test_a_parent_killed_while_its_triton_hangs_takes_everything_along(tmp_path):
    parent = start_parent(tmp_path)
    named(tmp_path, "tritonserver")[0].suspend()
    parent.kill()
    parent.wait()
    wait_until_gone(tmp_path, 3)
    assert not folders_of(tmp_path)


def test_the_next_start_removes_what_a_crash_of_everything_left(tmp_path):
    parent = start_parent(tmp_path)
    (crashed,) = folders_of(tmp_path)
    victims = [p for p in processes_of(tmp_path) if p.pid != parent.pid]
    for process in victims:
        process.suspend()
    parent.kill()
    parent.wait()
    for process in victims:
        process.kill()
    wait_until_gone(tmp_path, 3)
    assert folders_of(tmp_path) == [crashed], "this test is to find something left"
    with embedded(tmp_path):
        assert crashed not in folders_of(tmp_path)


def test_two_run_side_by_side(tmp_path):
    with embedded(tmp_path) as one, embedded(tmp_path) as two:
        assert len({one.url, one.metrics_url, two.url, two.metrics_url}) == 4
        assert len(folders_of(tmp_path)) == 2
        one.stop()
        two.infer()
        assert len(folders_of(tmp_path)) == 1
