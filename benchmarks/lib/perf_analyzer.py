"""NVIDIA's perf_analyzer: its command line, what it sends, and its CSV."""

import base64
import csv
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lib.command import Unable
from benchmarks.lib.corpus import Picture
from benchmarks.lib.work import Worker
from frontend.crops import CROP_SIDE_PIXELS

WINDOWS = 3
"""Windows in a row that must agree; perf_analyzer takes no fewer."""
MOST_WINDOWS = 12
"""A window in which a busy machine answered nothing does not count."""
Row = dict[str, float]


def program(path: str) -> str:
    """What to start: the option, else PERF_ANALYZER, else what is on PATH; Unable if that is nothing."""
    found = shutil.which(path or os.environ.get("PERF_ANALYZER", "perf_analyzer"))
    if found is None:
        raise Unable(
            "perf_analyzer is not here: pip install perf-analyzer (glibc 2.38), or NVIDIA's image "
            "tritonserver:…-py3-sdk has it; name it with --perf-analyzer or PERF_ANALYZER"
        )
    return found


def write_input_data(file: Path, pictures: Sequence[Picture]) -> None:
    """The crops of these pictures, in the form that --input-data takes."""
    worker = Worker()
    shape = [CROP_SIDE_PIXELS, CROP_SIDE_PIXELS, 3]
    entries = []
    for picture in pictures:
        crop = worker.crop(picture.data, {})
        entries.append({"face": {"b64": base64.b64encode(crop.tobytes()).decode(), "shape": shape}})
    file.write_text(json.dumps({"data": entries}))


def analyze(
    command: str, *, url: str, model: str, concurrency: int, input_data: Path, window_s: float, batch: int = 1
) -> Row:
    """One line of perf_analyzer's CSV, by its column names; times are in microseconds. Unable if it fails."""
    with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as folder:
        report = Path(folder) / "report.csv"
        done = subprocess.run(
            [
                command,
                *("-m", model, "-u", url, "-b", str(batch), "--input-data", str(input_data)),
                *("--concurrency-range", str(concurrency), "-p", str(round(1000 * window_s))),
                # The spread is shown by repetitions of ours, so any three windows will do.
                *("--stability-percentage", "999", "--max-trials", str(MOST_WINDOWS), "-f", str(report)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0 or not report.exists():
            raise Unable(f"perf_analyzer failed: {(done.stderr or done.stdout)[-800:]}")
        with report.open(newline="") as lines:
            (row,) = csv.DictReader(lines)
    return {name: float(value) for name, value in row.items() if value}
