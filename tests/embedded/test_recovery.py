"""A Triton that is harmed serves again by itself, at the same address."""

import signal
import time

import pytest

from frontend.embedded.probe import ProbeFailed
from tests.embedded.children import embedded, named


@pytest.fixture(scope="module")
def harmed(tmp_path_factory):
    events = []
    with embedded(tmp_path_factory.mktemp("harmed"), on_event=events.append) as triton:
        triton.events = events
        yield triton


def wait_for_event(triton, words, timeout_s):
    deadline = time.monotonic() + timeout_s
    while not any(words in event for event in triton.events):
        assert time.monotonic() < deadline, f"no {words!r} in {triton.events}"
        time.sleep(0.05)


def pids(triton):
    folder = triton.log_path.parent
    return [p.pid for p in named(folder, "tritonserver") + named(folder, "triton_python_backend_stub")]


@pytest.mark.parametrize(
    ("victim", "index", "sign", "finding"),
    [
        ("tritonserver", 0, signal.SIGKILL, "tritonserver has died"),
        ("triton_python_backend_stub", 1, signal.SIGKILL, "a stub of the model has died"),
        ("tritonserver", 0, signal.SIGSTOP, "tritonserver is stopped"),
        ("triton_python_backend_stub", 0, signal.SIGSTOP, "a stub of the model is stopped"),
    ],
)
def test_it_serves_again_after(harmed, victim, index, sign, finding):
    harmed.events.clear()
    url, before = harmed.url, pids(harmed)
    assert len(before) == 3
    named(harmed.log_path.parent, victim)[index].send_signal(sign)
    wait_for_event(harmed, finding, 5)
    wait_for_event(harmed, "serves again", 15)
    assert harmed.url == url
    harmed.infer()
    after = pids(harmed)
    assert len(after) == 3
    assert not set(before) & set(after)


def test_a_stop_amid_a_restart_leaves_nothing_running(tmp_path):
    events = []
    triton = embedded(tmp_path, on_event=events.append)
    triton.events = events
    with triton:
        named(tmp_path, "tritonserver")[0].kill()
        wait_for_event(triton, "has died", 5)
        time.sleep(0.6)  # the delay before the restart is 0.5 s
        started = time.monotonic()
    assert time.monotonic() - started < 8
    assert not named(tmp_path, "tritonserver")
    with pytest.raises(ProbeFailed):
        triton.infer()
