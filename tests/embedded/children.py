"""Helpers for tests that start a Triton of their own and look at what it leaves on the machine."""

from pathlib import Path

import psutil

from frontend.embedded import EmbeddedTriton

PROJECT_ROOT = Path(__file__).resolve().parents[2]
MODEL_REPOSITORY = PROJECT_ROOT / "model_repository"


def embedded(runtime_dir: Path, **changes: object) -> EmbeddedTriton:
    """An EmbeddedTriton that serves the project's own repository, with changes."""
    arguments = {
        "model_repository": MODEL_REPOSITORY,
        "model": "anti_spoof",
        "runtime_dir": runtime_dir,
        "start_timeout_s": 20.0,
    }
    return EmbeddedTriton(**(arguments | changes))


def processes_of(runtime_dir: Path) -> list[psutil.Process]:
    """Every live process that was started with something in `runtime_dir`: guard and tritonserver."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(runtime_dir) in word for word in words):
            found.append(process)
    return found


def named(runtime_dir: Path, program: str) -> list[psutil.Process]:
    """Those of them that run `program` ("tritonserver")."""
    return [p for p in processes_of(runtime_dir) if Path(p.info["cmdline"][0]).name == program]
