"""The examples of docs/contract.md run, and answer what stands below them."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Stack
from tests.docs.pages import ROOT

EXAMPLES = re.findall(
    r"^```sh\n(.*?)^```\n\n```(?:json|text)\n(.*?)^```$",
    (ROOT / "docs" / "contract.md").read_text(),
    flags=re.MULTILINE | re.DOTALL,
)
DECIMALS = re.compile(r"\d+\.\d+")


@pytest.mark.parametrize(("command", "answer"), EXAMPLES, ids=[f"example {n}" for n in range(1, len(EXAMPLES) + 1)])
def test_example_answers_as_it_says(
    command: str, answer: str, stack: Stack, make_key: Callable[[], str], portrait_jpeg: bytes, tmp_path: Path
) -> None:
    (tmp_path / "selfie.jpg").write_bytes(portrait_jpeg)
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace("http://127.0.0.1:5001", stack.url)],
        cwd=tmp_path,
        env=os.environ | {"LIVENESS_HASH_ID": make_key()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert DECIMALS.sub("N", ran.stdout.strip()) == DECIMALS.sub("N", answer.strip())


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4
