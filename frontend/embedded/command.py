"""What the embedded tritonserver is started with: its folders, command line and environment."""

import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

from frontend.embedded.installation import Installation
from frontend.embedded.ports import LOOPBACK

OUR_BACKENDS = Path(__file__).parent / "backends"
EXIT_TIMEOUT_S = 2
SHUT_ENDPOINTS = "shared-memory,model-repository,trace,logging"
SHELL_SAFE = re.compile(r"[\w./+:@%,=-]+", re.ASCII)
SYSTEM_PROGRAMS = "/usr/local/bin:/usr/bin:/bin"


def shell_safe(folder: Path) -> Path:
    """`folder` made absolute, or the system's folder for temporary files where its path would break a shell line."""
    absolute = folder.resolve()
    return absolute if SHELL_SAFE.fullmatch(str(absolute)) else Path(tempfile.gettempdir()).resolve()


def prepare_directory(directory: Path, installation: Installation, model_repository: Path) -> None:
    """Fill `directory` with `backends/` (a copy, for Triton changes the stub's mode) and a link `models`.

    Triton starts the stub through an unquoted shell line that holds the paths of both, so neither may have a space
    or the like in it; see `shell_safe`.
    """
    python_backend = directory / "backends" / "python"
    python_backend.mkdir(parents=True)
    for file in installation.python_backend.iterdir():
        if file.is_file():
            shutil.copy2(file, python_backend)
    shutil.copy2(installation.stub, python_backend)
    for backend in OUR_BACKENDS.iterdir():
        shutil.copytree(backend, directory / "backends" / backend.name, ignore=shutil.ignore_patterns("__pycache__"))
    (directory / "models").symlink_to(model_repository.resolve(), target_is_directory=True)


def command_line(
    installation: Installation, *, directory: Path, server_id: str, http_port: int, metrics_port: int, shm_prefix: str
) -> list[str]:
    """HTTP on the loopback address alone, no gRPC, nothing that loads models, shares memory or changes the log."""
    return [
        str(installation.server),
        f"--model-repository={directory / 'models'}",
        f"--backend-directory={directory / 'backends'}",
        f"--backend-config=python,shm-region-prefix-name={shm_prefix}",
        f"--id={server_id}",
        f"--http-address={LOOPBACK}",
        f"--http-port={http_port}",
        f"--metrics-address={LOOPBACK}",
        f"--metrics-port={metrics_port}",
        "--allow-grpc=false",
        "--allow-gpu-metrics=false",
        "--pinned-memory-pool-byte-size=0",
        "--disable-auto-complete-config",
        "--model-control-mode=none",
        # Whoever does not send this header with this value is refused, and nobody is told it.
        f"--http-restricted-api={SHUT_ENDPOINTS}:shut={secrets.token_hex(16)}",
        f"--exit-timeout-secs={EXIT_TIMEOUT_S}",
    ]


def trace_options(otlp_endpoint: str) -> list[str]:
    """Send spans to this collector (OTLP over HTTP) of each inference that comes with a traceparent; none if empty."""
    if not otlp_endpoint:
        return []
    options = {
        "mode": "opentelemetry",
        "level": "TIMESTAMPS",
        "rate": "0",
        "opentelemetry,url": otlp_endpoint.rstrip("/") + "/v1/traces",
        "opentelemetry,resource": "service.name=triton",
        "opentelemetry,bsp_schedule_delay": "1000",
    }
    return [f"--trace-config={name}={value}" for name, value in options.items()]


def environment(installation: Installation) -> dict[str, str]:
    """Only what Triton and the stub need; none of the service's own variables, which may hold secrets."""
    inherited = {name: os.environ[name] for name in ("HOME", "TZ") if name in os.environ}
    return inherited | {
        "PATH": f"{installation.python_bin}:{SYSTEM_PROGRAMS}",
        "LD_LIBRARY_PATH": ":".join(map(str, installation.libraries)),
        "LANG": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }
