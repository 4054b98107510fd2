"""Frontend processes that fail at once are not started again and again: the service ends, and its status tells."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import environment

BREAKS_WORKERS = """
import sys
if any("multiprocessing" in word for word in sys.orig_argv):
    sys.modules["frontend.app"] = None
"""


def test_the_service_ends(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(BREAKS_WORKERS)
    settings = environment(workers=2, port=0, triton_url="127.0.0.1:1", data_dir=tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "frontend.cli", "serve"],
        env=settings | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert done.stderr.endswith("liveness: a process of the service failed to start: the log above says why\n")
