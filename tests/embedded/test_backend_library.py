"""The library of our `onnxruntime` backend that is kept in the repository is the one that its sources make."""

import shutil
import subprocess

import pytest

from frontend.embedded.command import OUR_BACKEND
from tests.embedded.children import PROJECT_ROOT


def test_it_is_what_its_sources_make(tmp_path):
    subprocess.run([PROJECT_ROOT / "scripts" / "build-backend", tmp_path / "backend.so"], check=True)
    made = (tmp_path / "backend.so").read_bytes()
    assert made == OUR_BACKEND.read_bytes(), "the sources have changed: run scripts/build-backend, commit what it makes"


@pytest.mark.skipif(shutil.which("objdump") is None, reason="objdump (binutils) is not installed")
def test_it_gives_triton_its_entry_points_and_needs_glibc_alone():
    report = subprocess.run(["objdump", "-pT", OUR_BACKEND], capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in report.splitlines()]
    assert {words[1] for words in lines if words[:1] == ["NEEDED"]} == {"libc.so.6", "libdl.so.2"}
    symbols = [words for words in lines if words[-1:] and words[0].startswith("0000")]
    assert {words[-1] for words in symbols if "*UND*" not in words} == {
        "TRITONBACKEND_Initialize",
        "TRITONBACKEND_Finalize",
        "TRITONBACKEND_ModelInstanceInitialize",
        "TRITONBACKEND_ModelInstanceFinalize",
        "TRITONBACKEND_ModelInstanceExecute",
    }
    of_others = [words for words in symbols if "*UND*" in words and not any("GLIBC_" in word for word in words)]
    assert of_others
    assert all(words[-1].startswith(("TRITONBACKEND_", "TRITONSERVER_")) for words in of_others)
