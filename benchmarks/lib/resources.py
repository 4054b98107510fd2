"""What a service holds of the machine: memory, descriptors, threads, shared memory."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from frontend.embedded.runs import SHARED_MEMORY, SHM_STEM


@dataclass(frozen=True, slots=True)
class Holdings:
    """At one moment, of all processes of a service together; memory counts shared pages once (PSS)."""

    memory_bytes: int
    descriptors: int
    threads: int
    shm_files: int
    processes: int


def holdings(process: psutil.Process, data_dir: Path) -> Holdings:
    """Of this process, of those it started, and of the Triton that runs in this folder."""
    memory = descriptors = threads = processes = 0
    for member in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            memory += member.memory_full_info().pss
            descriptors += member.num_fds()
            threads += member.num_threads()
            processes += 1
    tokens = [run.name.removeprefix("triton-") for run in (data_dir / "triton").glob("triton-*/")]
    names = [file.name for file in SHARED_MEMORY.glob(f"{SHM_STEM}*")]
    files = sum(any(token in name for token in tokens) for name in names)
    return Holdings(memory, descriptors, threads, files, processes)
