"""A real tritonserver for the tests that do not harm it."""

from collections.abc import Iterator

import onnxruntime
import pytest

from frontend.embedded import EmbeddedTriton
from tests.embedded.children import MODEL_REPOSITORY, embedded


@pytest.fixture(scope="package")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTriton]:
    """One server that every test may ask and none may harm."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LIVENESS_TEST_SECRET", "not-for-triton")
        with embedded(tmp_path_factory.mktemp("triton")) as server:
            yield server


@pytest.fixture(scope="package")
def session() -> onnxruntime.InferenceSession:
    """The model in this process, made here and not by the code under test."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    path = MODEL_REPOSITORY / "anti_spoof" / "1" / "model.onnx"
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
