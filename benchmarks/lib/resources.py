"""What a service holds of the machine: memory, descriptors, threads."""

from contextlib import suppress
from dataclasses import dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Holdings:
    """At one moment, of all processes of a service together; memory counts shared pages once (PSS)."""

    memory_bytes: int
    descriptors: int
    threads: int
    processes: int


def holdings(process: psutil.Process) -> Holdings:
    """Of this process and of those it started."""
    memory = descriptors = threads = processes = 0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            memory += member.memory_full_info().pss
            descriptors += member.num_fds()
            threads += member.num_threads()
            processes += 1
    return Holdings(memory, descriptors, threads, processes)
