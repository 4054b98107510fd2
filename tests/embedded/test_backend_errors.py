"""What goes wrong inside our `onnxruntime` backend is the answer to that request, and to no other."""

import shutil

import numpy as np
import pytest

from frontend.embedded.probe import Probe, ProbeFailed
from frontend.embedded.selfcheck import sample_crops
from tests.embedded.children import MODEL_REPOSITORY, embedded, named


def test_an_input_that_only_the_model_refuses_is_answered_with_its_reason(tmp_path):
    repository = shutil.copytree(MODEL_REPOSITORY, tmp_path / "models")
    config = repository / "anti_spoof" / "config.pbtxt"
    inputs, separator, rest = config.read_text().partition("output [")
    config.write_text(inputs.replace("[ 128, 128, 3 ]", "[ -1, -1, 3 ]") + separator + rest)
    small = {"face": np.zeros((1, 64, 64, 3), np.uint8)}
    with embedded(tmp_path / "run", model_repository=repository) as triton:
        stubs = named(tmp_path / "run", "triton_python_backend_stub")
        probe = Probe(triton.url, "anti_spoof")
        for _ in range(4):
            with pytest.raises(ProbeFailed, match=r"InvalidArgument.*Got invalid dimensions"):
                probe.infer(small, 10)
            assert probe.infer(sample_crops(1), 10).shape == (1, 1)
        assert named(tmp_path / "run", "triton_python_backend_stub") == stubs
