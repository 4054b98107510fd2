import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_benchmark(name: str, out: Path, *options: object) -> tuple[dict, str]:
    """Run `python -m benchmarks.NAME`; its JSON and its table."""
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--out", str(out), *map(str, options)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    return json.loads((out / f"{name}.json").read_text()), (out / f"{name}.md").read_text()
