"""Processes that were a smaller machine are where they came from afterwards, whatever happened."""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.lib.command import Unable
from benchmarks.lib.quota import CGROUP, limited

CONTROLLER = CGROUP / "cpu" if (CGROUP / "cpu").is_dir() else CGROUP
NO_PROCESS = 2**22 + 1
PARENT = "import subprocess, sys; input(); print(subprocess.Popen(['sleep', '60']).pid, flush=True); input()"


@pytest.fixture
def home() -> Iterator[Path]:
    """A control group that is not the root; skips where none can be made."""
    group = CONTROLLER / f"test-{uuid.uuid4().hex[:8]}"
    try:
        with limited([], 0.5):
            group.mkdir()
    except (Unable, OSError) as error:
        pytest.skip(str(error))
    yield group
    group.rmdir()


@pytest.fixture
def process(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """One that is in that group, and starts another when it is told to."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        (home / "cgroup.procs").write_text(str(started.pid))
        yield started
        started.kill()


def groups() -> set[Path]:
    return set(CONTROLLER.glob("liveness-*"))


def place_of(process: int) -> str:
    """The control groups that it is in."""
    return Path(f"/proc/{process}/cgroup").read_text()


def test_a_limit_that_fails_half_way_leaves_nothing_behind(process):
    before = groups(), place_of(process.pid)
    with pytest.raises(Unable), limited([process.pid, NO_PROCESS], 0.5):
        pass
    assert (groups(), place_of(process.pid)) == before


def test_after_the_limit_all_are_where_they_came_from(process):
    before = groups(), place_of(process.pid)
    with limited([process.pid], 0.5):
        (group,) = groups() - before[0]
        assert group.name in place_of(process.pid)
        print(file=process.stdin, flush=True)
        child = int(process.stdout.readline())
    place_of_child = place_of(child)
    os.kill(child, signal.SIGKILL)
    assert (groups(), place_of(process.pid), place_of_child) == (*before, place_of(os.getpid()))
