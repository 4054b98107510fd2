"""A Triton that is harmed serves again by itself, at the same address."""

import signal
import time

import psutil
import pytest

from frontend.embedded.log import MAX_LOG_BYTES
from frontend.embedded.probe import ProbeFailed
from frontend.embedded.supervision import POLL_S
from tests.conftest import within
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
    return [p.pid for p in named(triton.log_path.parent, "tritonserver")]


@pytest.mark.parametrize(
    ("sign", "finding"),
    [(signal.SIGKILL, "tritonserver has died"), (signal.SIGSTOP, "tritonserver is stopped")],
)
def test_it_serves_again_after(harmed, sign, finding):
    harmed.events.clear()
    url, before = harmed.url, pids(harmed)
    named(harmed.log_path.parent, "tritonserver")[0].send_signal(sign)
    wait_for_event(harmed, finding, 5)
    wait_for_event(harmed, "serves again", 15)
    assert harmed.url == url
    harmed.infer()
    after = pids(harmed)
    assert len(before) == len(after) == 1
    assert before != after


def test_it_serves_again_after_inferences_failed(harmed):
    harmed.events.clear()
    before, sample = pids(harmed), harmed._sample
    harmed._sample = {"nonesuch": sample["face"]}
    wait_for_event(harmed, "answered with 400", 10)
    harmed._sample = sample
    wait_for_event(harmed, "serves again", 15)
    assert pids(harmed) != before


def test_it_serves_again_where_the_disk_has_no_room_for_its_old_log(harmed):
    harmed.events.clear()
    old = harmed.log_path.with_name("triton.log.1")
    old.symlink_to("/dev/full")
    try:
        with harmed.log_path.open("ab") as log:
            log.truncate(MAX_LOG_BYTES + 1)
        assert within(5, lambda: harmed.log_path.stat().st_size < MAX_LOG_BYTES)
        named(harmed.log_path.parent, "tritonserver")[0].kill()
        wait_for_event(harmed, "tritonserver has died", 5)
        wait_for_event(harmed, "serves again", 15)
    finally:
        old.unlink()


def test_it_serves_again_where_others_processes_are_not_shown(tmp_path, monkeypatch):
    """As with /proc mounted with hidepid=1, which systemd does by `ProtectProc=noaccess`."""

    def children(_process):
        raise psutil.AccessDenied(1)

    monkeypatch.setattr(psutil.Process, "children", children)
    events = []
    with embedded(tmp_path, on_event=events.append) as triton:
        triton.events = events
        time.sleep(3 * POLL_S)
        named(tmp_path, "tritonserver")[0].kill()
        wait_for_event(triton, "serves again", 15)
        triton.infer()
    assert not named(tmp_path, "tritonserver")


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
