"""Where the parts of the embedded Triton lie on this machine, and whether it can run here."""

import importlib.metadata
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from frontend.errors import StartRefused

DISTRIBUTION = "nvidia-pytriton"
LEAST_GLIBC = (2, 35)
PYTHONS_WITH_STUB = ((3, 10), (3, 11), (3, 12), (3, 13))
BRINGS_ITS_OWN = ((3, 13),)
"""Versions of Python whose shared library is in the wheel."""
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
LIBPYTHON = f"libpython{PYTHON}.so.1.0"
SYSTEM_LIBRARIES = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib64"), Path("/lib/x86_64-linux-gnu"))


@dataclass(frozen=True)
class Installation:
    """The files that an embedded Triton is put together from."""

    server: Path
    """The `tritonserver` program."""
    python_backend: Path
    """Folder with `libtriton_python.so` and `triton_python_backend_utils.py`."""
    stub: Path
    """The program that runs a Python model, linked against this Python's version."""
    libraries: tuple[Path, ...]
    """Folders for LD_LIBRARY_PATH."""
    python_bin: Path
    """Folder whose `python3` the stub takes its packages from."""


def check_machine() -> None:
    """Raise StartRefused if this machine cannot run the embedded Triton; the message says what to install."""
    _check_platform()
    _check_programs()
    find_installation()


def find_installation() -> Installation:
    """Find every part without importing any; StartRefused names the first one that is missing."""
    site = _site_packages()
    triton = site / "pytriton" / "tritonserver"
    wheel_libraries = site / "nvidia_pytriton.libs"
    found = Installation(
        server=triton / "bin" / "tritonserver",
        python_backend=triton / "backends" / "python",
        stub=triton / "python_backend_stubs" / PYTHON / "triton_python_backend_stub",
        libraries=(wheel_libraries, *_folder_of_libpython(wheel_libraries)),
        python_bin=Path(sys.executable).parent,
    )
    for part in (found.server, found.python_backend / "libtriton_python.so", found.stub, wheel_libraries):
        if not part.exists():
            raise StartRefused(f"{part} is missing: install {DISTRIBUTION} again (requirements/embedded.txt)")
    return found


def _check_platform() -> None:
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise StartRefused(f"the embedded Triton needs Linux on x86-64, this is {sys.platform} on {platform.machine()}")
    libc, version = platform.libc_ver()
    if libc != "glibc" or tuple(map(int, version.split(".")[:2])) < LEAST_GLIBC:
        least = ".".join(map(str, LEAST_GLIBC))
        raise StartRefused(
            f"the embedded Triton needs glibc {least} or newer, this machine has {libc or 'no glibc'} {version}: "
            "use Ubuntu 22.04, Debian 12, RHEL 10 or newer, or set LIVENESS_TRITON_URL to a Triton elsewhere"
        )
    if sys.version_info[:2] not in PYTHONS_WITH_STUB:
        raise StartRefused(f"the embedded Triton has no part for Python {PYTHON}: use 3.10, 3.11, 3.12 or 3.13")


def _check_programs() -> None:
    if shutil.which("bash") is None:
        raise StartRefused("Triton starts its models through bash, which is missing: install the package bash")
    if not (Path(sys.executable).parent / "python3").exists():
        raise StartRefused(f"there is no python3 beside {sys.executable}: make the environment with `python3 -m venv`")


def _site_packages() -> Path:
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise StartRefused(
            f"{DISTRIBUTION} is not installed: pip install --no-deps -r requirements/embedded.txt"
        ) from None
    return Path(str(distribution.locate_file("")))


def _folder_of_libpython(wheel_libraries: Path) -> tuple[Path, ...]:
    """Folder of the shared libpython that the stub links; none where the wheel brings its own, as for 3.13."""
    if sys.version_info[:2] in BRINGS_ITS_OWN and any(wheel_libraries.glob("libpython3-*.so.1.0")):
        return ()
    for folder in (sysconfig.get_config_var("LIBDIR"), Path(sys.base_prefix) / "lib", *SYSTEM_LIBRARIES):
        if folder and (Path(folder) / LIBPYTHON).is_file():
            return (Path(folder),)
    if sys.base_prefix == "/usr":
        raise StartRefused(
            f"{LIBPYTHON} is missing: apt-get install libpython{PYTHON} (Debian, Ubuntu) or python3-libs (Fedora, RHEL)"
        )
    raise StartRefused(
        f"{LIBPYTHON} is missing: {sys.base_prefix} holds a Python without its shared library. Install python{PYTHON}, "
        f"python{PYTHON}-venv and libpython{PYTHON} of the system (or a Python built with --enable-shared) "
        "and make the environment anew with that Python"
    )
