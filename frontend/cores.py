"""How many CPU cores this process may keep busy."""

import math
import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")


def usable_cores(cgroup: Path = CGROUP) -> int:
    """Cores of the affinity mask, or the container's CPU quota rounded up where that is less."""
    return max(1, min(len(os.sched_getaffinity(0)), math.ceil(_quota(cgroup))))


def _quota(cgroup: Path) -> float:
    """Cores' worth of time that the control group grants, from version 2's file or version 1's two; else all cores."""
    every = float(os.cpu_count() or 1)
    try:
        if (cgroup / "cpu.max").is_file():
            quota, period = (cgroup / "cpu.max").read_text().split()
        else:
            quota, period = ((cgroup / f"cpu/cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        granted = int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no control group, or "max": no quota
        return every
    return granted if granted > 0 else every
