"""What the embedded tritonserver is started with: its folders, command line and environment."""

import os
from pathlib import Path

from frontend.embedded.installation import Installation
from frontend.embedded.ports import LOOPBACK

OUR_BACKEND = Path(__file__).parent / "backends" / "onnxruntime" / "libtriton_onnxruntime.so"
EXIT_TIMEOUT_S = 2
SHUT_ENDPOINTS = "shared-memory,model-repository,trace,logging"


def prepare_backends(folder: Path, installation: Installation) -> None:
    """Fill `folder` with our backend and, beside it, the ONNX Runtime that it loads."""
    backend = folder / "onnxruntime"
    backend.mkdir(parents=True)
    (backend / OUR_BACKEND.name).symlink_to(OUR_BACKEND)
    (backend / "libonnxruntime.so").symlink_to(installation.onnxruntime)


def command_line(
    installation: Installation,
    *,
    model_repository: Path,
    backends: Path,
    server_id: str,
    http_port: int,
    metrics_port: int,
) -> list[str]:
    """HTTP on the loopback address alone, no gRPC, nothing that loads models, shares memory or changes the log."""
    return [
        str(installation.server),
        f"--model-repository={model_repository.resolve()}",
        f"--backend-directory={backends}",
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
        # Whoever does not send this header with this value is refused, and no header can hold the end of a line.
        f"--http-restricted-api={SHUT_ENDPOINTS}:shut=no\nheader",
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


def environment() -> dict[str, str]:
    """Only what Triton needs; none of the service's own variables, which may hold secrets."""
    inherited = {name: os.environ[name] for name in ("TZ",) if name in os.environ}
    return inherited | {"ORT_DISABLE_TELEMETRY": "1"}
