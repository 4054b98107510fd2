"""Which cores a benchmark and everything that it starts may use."""

import os


def confine_to(cores: int) -> list[int]:
    """Keep this process, and what it starts from now on, to the first so many usable cores; 0 is all of them."""
    usable = sorted(os.sched_getaffinity(0))
    chosen = usable[: cores or None]
    os.sched_setaffinity(0, chosen)
    return chosen


def confined(command: list[str], cores: list[int] | None) -> list[str]:
    """The command line that runs `command` on these cores alone."""
    return command if cores is None else ["taskset", "-c", ",".join(map(str, cores)), *command]
