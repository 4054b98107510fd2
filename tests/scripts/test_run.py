import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from .conftest import Project


def test_without_python_it_says_what_to_install_and_makes_nothing(project):
    result = project.run()
    assert result.returncode == 1
    assert "there is no python3 on PATH" in result.stderr
    assert "sudo apt install python3-venv" in result.stderr
    assert not (project.root / ".venv").exists()


HIDE_VENV = "sys.modules['ensurepip'] = None"


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ("import platform; platform.python_version = lambda: '3.9.18'", "Python 3.9.18 in"),
        ("import platform; platform.python_version = lambda: '3.14.1'", "too new"),
        ("import platform; platform.machine = lambda: 'aarch64'", "the service runs on x86-64 Linux"),
        ("import os; os.confstr = lambda name: 'glibc 2.31'", "glibc 2.31 is too old"),
        (HIDE_VENV, "lacks its venv module (ensurepip); install: "),
        ("sys.exit(127)", "/python3 does not start"),
    ],
)
def test_an_unusable_python_is_named_before_anything_is_made(project, before, message):
    project.python("python3", before)
    result = project.run()
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
    assert not (project.root / ".venv").exists()


def test_a_usable_python_is_found_behind_unusable_ones(project):
    project.python("python3.12", "sys.exit(127)")
    project.python("python3.11", "import platform; platform.python_version = lambda: '3.9.18'")
    project.python("python3")
    assert project.shell("choose_python >/dev/null") == 0


def test_a_named_python_is_taken_or_refused_but_never_replaced(project):
    project.python("python3")
    result = project.run(LIVENESS_PYTHON="/nonexistent/python")
    assert result.returncode == 1
    assert "/nonexistent/python does not start" in result.stderr


def test_an_installation_that_is_interrupted_says_so_and_the_next_start_makes_it_anew(project):
    project.python("python3")
    starting = project.popen(start_new_session=True)
    while not (project.root / ".venv" / "install.log").exists():
        time.sleep(0.05)
    time.sleep(0.3)
    os.killpg(starting.pid, signal.SIGINT)
    _, err = starting.communicate(timeout=60)
    assert (starting.returncode, err.splitlines()[-1]) == (130, "Interrupted. The next start installs anew.")
    assert project.run().stdout.startswith("liveness up ")


def test_a_pip_that_is_set_up_to_install_for_the_user_installs_into_the_environment_all_the_same(project):
    project.python("python3")
    result = project.run(PIP_USER="1")
    assert result.stdout.startswith("liveness up "), result.stderr


@pytest.fixture(scope="module", params=["pip", "uv"])
def installed(request, tmp_path_factory):
    """A project after its first start, twice at once; and what the two starts said."""
    project = Project(tmp_path_factory.mktemp(request.param))
    project.python("python3")
    if request.param == "uv":
        (project.bin / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    starts = [project.popen("--port", str(port)) for port in (1, 2)]
    project.first = [(start.pid, *start.communicate(timeout=60)) for start in starts]
    return project


def test_two_first_starts_at_once_install_once_and_both_hand_over(installed):
    for port, (pid, out, _) in enumerate(installed.first, start=1):
        # The same process: a signal to scripts/run reaches the service. The same folder: relative paths hold.
        assert out == f"liveness up --port {port} {pid} {Path.cwd()}\n"
    said = sorted((err for _, _, err in installed.first), key=len)
    assert said[0] in ("", "Another installation into .venv is running; waiting for it.\n")
    assert "Making .venv" in said[1]
    assert "Installed into .venv in" in said[1]


def test_a_second_start_installs_nothing(installed):
    log = installed.root / ".venv" / "install.log"
    before = log.stat().st_mtime_ns
    result = installed.run("again", PIP_FIND_LINKS="/nonexistent", UV_FIND_LINKS="/nonexistent")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("liveness up again ")
    assert log.stat().st_mtime_ns == before


def test_a_changed_project_is_updated_in_place(installed):
    with (installed.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    result = installed.run()
    assert "Installing the project" in result.stderr
    assert "Making" not in result.stderr
    assert installed.run().stderr == ""


def test_the_development_set_is_asked_for_apart_and_holds_the_runtime_set(installed):
    with (installed.root / "requirements" / "runtime.txt").open("a") as file:
        file.write("# changed\n")
    assert installed.shell("is_current runtime") == 1
    assert installed.shell("is_current dev") == 1
    assert installed.shell("set -euo pipefail; ensure_venv dev 2>/dev/null") == 0
    assert installed.shell("is_current dev && is_current runtime") == 0


def test_a_moved_environment_is_not_taken_for_whole(installed, tmp_path):
    assert installed.shell("is_whole") == 0
    here = installed.root
    installed.root = here.rename(tmp_path / "moved")
    try:
        assert installed.shell("is_whole") != 0
    finally:
        installed.root = installed.root.rename(here)
    assert installed.shell("is_whole") == 0


def test_an_environment_whose_python_is_gone_or_another_is_not_taken_for_whole(installed):
    python = installed.root / ".venv" / "bin" / "python"
    aside = python.rename(python.with_name("aside"))
    python.symlink_to("/nonexistent/python3")
    assert installed.shell("is_whole") != 0
    python.unlink()
    aside.rename(python)
    assert installed.shell("LIVENESS_PYTHON=/nonexistent/python3 is_whole") != 0
    assert installed.shell(f"LIVENESS_PYTHON={installed.bin}/python3 is_whole") == 0


def test_a_failed_installation_says_so_and_the_next_start_repairs_it(installed):
    runtime = installed.root / "requirements" / "runtime.txt"
    locked = runtime.read_text()
    for name in ("build", "embedded"):
        (installed.root / "requirements" / f"{name}.txt").write_text("")
    runtime.write_text("tiny==1.0 --hash=sha256:" + "0" * 64 + "\n")
    (package,) = (installed.root / ".venv").glob("lib/*/site-packages/tiny-1.0.dist-info")
    shutil.rmtree(package)
    result = installed.run()
    assert (result.returncode, result.stdout) == (1, "")
    assert "serves another file than the one that was locked" in result.stderr
    assert installed.shell("is_whole") != 0
    runtime.write_text(locked)
    result = installed.run("repaired")
    assert "Making .venv" in result.stderr
    assert result.stdout.startswith("liveness up repaired ")
