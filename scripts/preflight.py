"""Says whether one Python on this machine can run the service, and what to install where it cannot.

scripts/lib/venv.sh starts it with every Python it finds: `python preflight.py FOLDER [--uv]`, where FOLDER is the
project's. Standard library only, in a syntax that Python 3.6 still reads, so that a Python too old can say so.
Prints the path of the Python and exits with 0, or prints one line a problem and exits with one of the statuses below.
"""

import os
import platform
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

PACKAGES_MISSING = 10
PYTHON_UNFIT = 11
MACHINE_UNFIT = 12

OLDEST_PYTHON, NEWEST_PYTHON = (3, 10), (3, 13)
OLDEST_GLIBC = (2, 35)
FREE_DISK_GB = 2.0


class Facts(NamedTuple):
    """What the answer depends on; `glibc` is empty where the C library is another one."""

    version: str
    prefix: str
    python_platform: str
    machine: str
    glibc: str
    distribution: str
    has_venv: bool
    folder: str
    writable: bool
    free_disk_gb: float


def numbers(version: str) -> "tuple[int, ...]":
    """The first two numbers of a version: "3.11.2" gives (3, 11)."""
    return tuple(int(part) for part in version.split(".")[:2])


def has_venv() -> bool:
    """Whether `python -m venv` can give an environment its pip; Debian packs ensurepip apart."""
    try:
        import ensurepip  # noqa: PLC0415
        import venv  # noqa: PLC0415
    except ImportError:
        return False
    return bool(venv and ensurepip)


def distribution() -> str:
    """ID and ID_LIKE of /etc/os-release, such as "ubuntu debian"; empty where there is none."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    pairs = [line.partition("=") for line in lines]
    return " ".join(value.strip("\"'") for name, _, value in pairs if name in ("ID", "ID_LIKE"))


def gather(folder: Path) -> Facts:
    """The facts of this Python, this machine and the folder that will hold .venv."""
    version = platform.python_version()
    try:
        glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").replace("glibc ", "")
    except (AttributeError, OSError, ValueError):
        glibc = ""
    target = folder / ".venv" if (folder / ".venv").is_dir() else folder
    return Facts(
        version=version,
        prefix=sys.base_prefix,
        python_platform=sysconfig.get_platform(),
        machine=platform.system() + " " + platform.machine(),
        glibc=glibc,
        distribution=distribution(),
        has_venv=has_venv(),
        folder=str(target),
        writable=os.access(target, os.W_OK | os.X_OK),
        free_disk_gb=shutil.disk_usage(str(target)).free / 1e9,
    )


def machine_problems(facts: Facts) -> "list[str]":
    """What no other Python would change."""
    found = []
    if facts.machine != "Linux x86_64":
        found.append(f"this machine is {facts.machine}; the service runs on x86-64 Linux")
    elif not facts.glibc:
        found.append("the C library of this machine is not glibc (Alpine?); Triton needs glibc 2.35 or newer")
    elif numbers(facts.glibc) < OLDEST_GLIBC:
        found.append(
            f"glibc {facts.glibc} is too old; Triton needs 2.35 or newer (Ubuntu 22.04, Debian 12, Fedora 36, RHEL 10)"
        )
    if not facts.writable:
        found.append(f"{facts.folder} is not writable for this user")
    if facts.free_disk_gb < FREE_DISK_GB:
        found.append(f"{facts.folder} has {facts.free_disk_gb:.1f} GB of free disk; {FREE_DISK_GB:.0f} GB are needed")
    return found


def python_problems(facts: Facts) -> "list[str]":
    """Why this Python will not do, whatever is installed beside it."""
    if numbers(facts.version) < OLDEST_PYTHON:
        return ["too old"]
    if numbers(facts.version) > NEWEST_PYTHON:
        return ["too new"]
    if facts.python_platform != "linux-x86_64":
        return [f"built for {facts.python_platform}, not for x86-64 Linux"]
    return []


def missing_packages(facts: Facts, with_uv: bool) -> "list[str]":
    """What to install beside this Python, with the command."""
    if with_uv or facts.has_venv:
        return []
    minor = "{}.{}".format(*numbers(facts.version))
    if facts.prefix == "/usr" and "debian" in facts.distribution:
        command = f"sudo apt install python{minor}-venv"
    else:
        command = f"a Python {minor} with ensurepip, or: uv python install {minor}"
    return [f"lacks its venv module (ensurepip); install: {command}"]


def main() -> int:
    """Judge this Python; the status says which kind of problem there is."""
    facts = gather(Path(sys.argv[1]))
    for status, problems in (
        (MACHINE_UNFIT, machine_problems(facts)),
        (PYTHON_UNFIT, python_problems(facts)),
        (PACKAGES_MISSING, missing_packages(facts, with_uv="--uv" in sys.argv)),
    ):
        if problems:
            subject = "" if status == MACHINE_UNFIT else f"Python {facts.version} in {facts.prefix}: "
            print("\n".join(f"  {subject}{problem}" for problem in problems))
            return status
    print(sys.executable)
    return 0


if __name__ == "__main__":
    sys.exit(main())
