"""A model file run in this process, by ONNX Runtime."""

from pathlib import Path

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

ORT_ERRORS = (  # they share no base of their own
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    ValueError,
)
"""What loading and running a model can raise."""


def one_thread_session(file: Path) -> onnxruntime.InferenceSession:
    """The model on the calling thread; several threads may run it at once. Raises one of ORT_ERRORS."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what is wrong is raised
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
