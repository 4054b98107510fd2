"""Schemathesis, which makes requests out of the OpenAPI document, against the running service."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import Stack, environment

EXAMPLES = 10


def test_answers_keep_to_the_documented_interface(target: Stack, tmp_path: Path) -> None:
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{target.url}/openapi.json", "--seed", "1", "--max-examples", str(EXAMPLES), "--checks", checks),
            *("--no-color", "--generation-database", "none", "--phases", "examples,coverage,fuzzing"),
            *("--max-response-time", "10", "--suppress-health-check", "all"),
        ],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(),
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-1000:]
    assert "POST /liveness" not in run.stderr
