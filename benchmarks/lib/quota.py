"""A share of the processor for processes that are to be a smaller machine."""

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.lib.command import Unable

CGROUP = Path("/sys/fs/cgroup")
PERIOD_US = 20_000


@contextmanager
def limited(processes: Iterable[int], cores: float) -> Iterator[None]:
    """Keep these processes, and what they start, to so many cores together; Unable without the right to do so.

    Whatever happens, they are back in the control groups that they came from at the end.
    """
    controller = CGROUP / "cpu"
    if not controller.is_dir():
        controller = CGROUP
    group = controller / f"liveness-{uuid.uuid4().hex[:8]}"
    homes: dict[int, Path] = {}
    with ExitStack() as undo:
        try:
            group.mkdir()
            undo.callback(_dissolve, group, homes)
            if controller.name == "cpu":
                (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (group / "cpu.cfs_quota_us").write_text(str(int(cores * PERIOD_US)))
            else:
                (group / "cpu.max").write_text(f"{int(cores * PERIOD_US)} {PERIOD_US}")
            for process in processes:
                homes[process] = _home(process, controller)
                (group / "cgroup.procs").write_text(str(process))
        except OSError as error:
            raise Unable(f"cannot limit the cores of a process ({error.strerror}): control groups need root") from None
        yield


def _home(process: int, controller: Path) -> Path:
    """The group that it is in; the controller's own where that cannot be seen from a container."""
    kind = "cpu" if controller.name == "cpu" else ""
    for line in Path(f"/proc/{process}/cgroup").read_text().splitlines():
        _, kinds, path = line.split(":", 2)
        if kind in kinds.split(",") and (home := controller / path.lstrip("/")).is_dir():
            return home
    return controller


def _dissolve(group: Path, homes: Mapping[int, Path]) -> None:
    """Send everybody home, those that were started in the group to this process's, and remove it."""
    own = _home(os.getpid(), group.parent)
    for process in map(int, (group / "cgroup.procs").read_text().split()):
        with suppress(ProcessLookupError):  # it may have ended
            (homes.get(process, own) / "cgroup.procs").write_text(str(process))
    group.rmdir()
