import importlib.util
import subprocess
import sys

import pytest

from .conftest import ROOT

PREFLIGHT = ROOT / "scripts" / "preflight.py"


@pytest.fixture(scope="module")
def preflight():
    spec = importlib.util.spec_from_file_location("preflight", PREFLIGHT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def facts(preflight, tmp_path):
    """Those of a good Debian 12, whatever this machine is."""
    return preflight.gather(tmp_path)._replace(
        version="3.11.2", prefix="/usr", distribution="debian", has_venv=False, glibc="2.36"
    )


def test_the_python_of_these_tests_will_do_and_is_named():
    result = subprocess.run(
        [sys.executable, "-I", PREFLIGHT, ROOT, "--uv"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout) == (0, sys.executable + "\n")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"machine": "Linux aarch64"}, "this machine is Linux aarch64; the service runs on x86-64 Linux"),
        ({"machine": "Darwin x86_64"}, "this machine is Darwin x86_64; the service runs on x86-64 Linux"),
        ({"glibc": "2.31"}, "glibc 2.31 is too old; Triton needs 2.35 or newer"),
        ({"glibc": ""}, "the C library of this machine is not glibc"),
        ({"writable": False}, "is not writable for this user"),
        ({"free_disk_gb": 1.94}, "has 1.9 GB of free disk; 2 GB are needed"),
    ],
)
def test_a_machine_that_will_not_do_is_told_why(preflight, facts, changed, message):
    assert preflight.machine_problems(facts) == []
    (problem,) = preflight.machine_problems(facts._replace(**changed))
    assert message in problem


@pytest.mark.parametrize("glibc", ["2.35", "2.41", "3.0"])
def test_newer_c_libraries_are_taken(preflight, facts, glibc):
    assert preflight.machine_problems(facts._replace(glibc=glibc)) == []


@pytest.mark.parametrize(
    ("changed", "problems"),
    [
        ({"version": "3.9.18"}, ["too old"]),
        ({"version": "3.10.0"}, []),
        ({"version": "3.13.7"}, []),
        ({"version": "3.14.0"}, ["too new"]),
        ({"python_platform": "linux-i686"}, ["built for linux-i686, not for x86-64 Linux"]),
    ],
)
def test_versions_and_builds(preflight, facts, changed, problems):
    assert preflight.python_problems(facts._replace(**changed)) == problems


@pytest.mark.parametrize(
    ("changed", "command"),
    [
        ({}, "sudo apt install python3.11-venv"),
        ({"distribution": "ubuntu debian", "version": "3.12.3"}, "sudo apt install python3.12-venv"),
        ({"prefix": "/opt/python"}, "a Python 3.11 with ensurepip, or: uv python install 3.11"),
    ],
)
def test_a_missing_venv_module_is_named_with_the_command(preflight, facts, changed, command):
    (problem,) = preflight.missing_packages(facts._replace(**changed), with_uv=False)
    assert problem.endswith(f"install: {command}")


def test_uv_needs_no_venv_module(preflight, facts):
    assert preflight.missing_packages(facts, with_uv=True) == []
    assert preflight.missing_packages(facts._replace(has_venv=True), with_uv=False) == []
