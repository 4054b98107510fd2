"""A process that crashes leaves no dump of its memory, in which faces would be."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import Stack
from tests.core_limits import forbid_core_dumps_for_good
from tests.hostile.conftest import Serving


def dumps_core(folder: Path, preparation: str) -> bool:
    """Whether the kernel says of this Python process that it dumped core when it crashed."""
    script = f"import os, resource; {preparation}; os.abort()"
    pid = subprocess.Popen([sys.executable, "-c", script], cwd=folder, stderr=subprocess.DEVNULL).pid
    dumped = os.WCOREDUMP(os.waitpid(pid, 0)[1])
    return dumped or any(folder.iterdir())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_crash_dumps_nothing(tmp_path: Path) -> None:
    if resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip("this system limits core dumps, so there is nothing to forbid")
    allowed = "resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)"
    forbidden = f"{allowed}; from frontend.core_dumps import forbid_core_dumps; forbid_core_dumps()"
    if not dumps_core(tmp_path, allowed):
        pytest.skip("this system writes no core dumps at all")
    for file in tmp_path.iterdir():
        file.unlink()
    assert not dumps_core(tmp_path, forbidden)


def test_a_machine_that_forbids_them_is_good_enough() -> None:
    script = "from frontend.core_dumps import forbid_core_dumps; forbid_core_dumps()"
    subprocess.run([sys.executable, "-c", script], preexec_fn=forbid_core_dumps_for_good, check=True)


def test_every_process_of_the_service_is_forbidden_to(target: Stack, serving: Serving) -> None:
    service = psutil.Process(target.process.pid)
    triton = [process for process in service.children(recursive=True) if process.name() != "resource_tracker"]
    assert any(process.name() == "tritonserver" for process in triton)
    with serving(workers=2) as served:
        workers = psutil.Process(served.pid).children(recursive=True)
        assert len(workers) >= 2
        limits = {process.rlimit(psutil.RLIMIT_CORE) for process in (service, *triton, *workers)}
    assert limits == {(1, 1)}
