"""A share of the processor for processes that are to be a smaller machine."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lib.command import Unable

CGROUP = Path("/sys/fs/cgroup")
PERIOD_US = 20_000


@contextmanager
def limited(processes: Iterable[int], cores: float) -> Iterator[None]:
    """Keep these processes, and what they start, to so many cores together; Unable without the right to do so."""
    controller = CGROUP / "cpu"
    if not controller.is_dir():
        controller = CGROUP
    group = controller / f"liveness-{uuid.uuid4().hex[:8]}"
    members = list(processes)
    try:
        group.mkdir()
        if controller.name == "cpu":
            (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(int(cores * PERIOD_US)))
        else:
            (group / "cpu.max").write_text(f"{int(cores * PERIOD_US)} {PERIOD_US}")
        for process in members:
            (group / "cgroup.procs").write_text(str(process))
    except OSError as error:
        raise Unable(f"cannot limit the cores of a process ({error.strerror}): control groups need root") from None
    try:
        yield
    finally:
        for process in members:
            if Path(f"/proc/{process}").exists():
                (controller / "cgroup.procs").write_text(str(process))
        group.rmdir()
