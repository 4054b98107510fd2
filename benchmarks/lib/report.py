"""Results: numbers with their spread, as JSON for machines and as a table for people."""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
_TELLING_SETTINGS = ("LIVENESS_WORKERS", "LIVENESS_DECODE_THREADS", "LIVENESS_MAX_IN_FLIGHT")


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.3g} ({self.least:.3g} to {self.most:.3g})"


def spread(values: Sequence[float]) -> Spread:
    """Median, least and most."""
    return Spread(statistics.median(values), min(values), max(values))


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines) + "\n"


def environment() -> dict[str, object]:
    """What the numbers depend on."""
    packages = ("numpy", "onnxruntime", "opencv-python-headless", "simplejpeg", "uvicorn", "fastapi", "nvidia-pytriton")
    return {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in packages},
        "settings": sorted(f"{name}={value}" for name, value in os.environ.items() if name in _TELLING_SETTINGS),
    }


def save(folder: Path, name: str, results: Mapping[str, object], table: str) -> None:
    """Write NAME.json and NAME.md into the folder, and print the table."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {"environment": environment(), **results}
    (folder / f"{name}.json").write_text(json.dumps(whole, indent=1, default=str) + "\n")
    (folder / f"{name}.md").write_text(table)
    print(table)
    print(f"written to {folder / name}.json, .md and .png")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
