"""Triton's `onnxruntime` backend, written for its Python backend.

A model whose config says `backend: "onnxruntime"` is served by this file where Triton has no native backend of that
name. It reads the same keys of the config: `default_model_filename`, `intra_op_thread_count`, `inter_op_thread_count`.

Tensors go in and out by DLPack: the conversion through NumPy's C interface that Triton's stub was compiled with
(`as_numpy`, `Tensor(name, array)`) is for NumPy 1 and gives wrong inputs and EMPTY outputs under NumPy 2.
"""

import ctypes
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import triton_python_backend_utils as pb_utils
from c_python_backend_utils import TritonModelException
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, RuntimeException

DEFAULT_MODEL_FILENAME = "model.onnx"
NUMERIC_TYPES = {
    "TYPE_BOOL": "bool",
    "TYPE_UINT8": "uint8",
    "TYPE_UINT16": "uint16",
    "TYPE_UINT32": "uint32",
    "TYPE_UINT64": "uint64",
    "TYPE_INT8": "int8",
    "TYPE_INT16": "int16",
    "TYPE_INT32": "int32",
    "TYPE_INT64": "int64",
    "TYPE_FP16": "float16",
    "TYPE_FP32": "float32",
    "TYPE_FP64": "float64",
}
REQUEST_ERRORS = (
    Fail,
    InvalidArgument,
    RuntimeException,
    TritonModelException,
    BufferError,
    TypeError,
    ValueError,
)

_disarm_capsule = ctypes.pythonapi.PyCapsule_SetDestructor
_disarm_capsule.argtypes = [ctypes.py_object, ctypes.c_void_p]
_disarm_capsule.restype = ctypes.c_int


class TritonPythonModel:
    """One ONNX Runtime session for each model instance."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the model; what is wrong with it or its config ends up as the reason in Triton's log."""
        config: dict[str, Any] = json.loads(args["model_config"])
        path = _model_path(Path(args["model_repository"]) / args["model_version"], config)
        self._session = onnxruntime.InferenceSession(path, _session_options(config), providers=["CPUExecutionProvider"])
        self._input_names = [tensor["name"] for tensor in config["input"]]
        self._output_dtypes = {t["name"]: np.dtype(NUMERIC_TYPES[t["data_type"]]) for t in config["output"]}
        _require_names("input", self._input_names, [tensor.name for tensor in self._session.get_inputs()])
        _require_names("output", list(self._output_dtypes), [tensor.name for tensor in self._session.get_outputs()])

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request by a run of its own: on a CPU that beats gathering them into one batch."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:  # noqa: ANN401 - Triton's types exist only inside its stub
        try:
            feed = {name: self._input(request, name) for name in self._input_names}
            arrays = self._session.run(list(self._output_dtypes), feed)
            outputs = [
                _to_tensor(name, array, dtype)
                for (name, dtype), array in zip(self._output_dtypes.items(), arrays, strict=True)
            ]
        except REQUEST_ERRORS as error:
            return pb_utils.InferenceResponse(error=pb_utils.TritonError(f"{type(error).__name__}: {error}"))
        return pb_utils.InferenceResponse(outputs)

    def _input(self, request: Any, name: str) -> npt.NDArray[Any]:  # noqa: ANN401
        tensor = pb_utils.get_input_tensor_by_name(request, name)
        if tensor is None:
            raise ValueError(f"the input {name!r} is missing")
        return np.from_dlpack(tensor)


def _to_tensor(name: str, array: npt.NDArray[Any], dtype: np.dtype[Any]) -> Any:  # noqa: ANN401
    """Hand the array's memory to Triton, which keeps it until the answer has been copied out.

    Triton renames the capsule that it consumed to "used_dlpack"; NumPy's destructor knows only "used_dltensor" and
    would complain about it at every answer. From here on the memory is Triton's to free, so the capsule has no
    duty left and its destructor is taken away.
    """
    if array.dtype != dtype:
        raise TypeError(f"the output {name!r} is {array.dtype}, the config says {dtype}")
    capsule = np.ascontiguousarray(array).__dlpack__()
    tensor = pb_utils.Tensor.from_dlpack(name, capsule)
    _disarm_capsule(capsule, None)
    return tensor


def _session_options(config: dict[str, Any]) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    parameters = config.get("parameters", {})
    for option, key in (
        ("intra_op_num_threads", "intra_op_thread_count"),
        ("inter_op_num_threads", "inter_op_thread_count"),
    ):
        text = parameters.get(key, {}).get("string_value", "0")
        if not text.isdecimal():
            raise ValueError(f"the parameter {key} must be a whole number, 0 or more; it is {text!r}")
        setattr(options, option, int(text))
    return options


def _model_path(directory: Path, config: dict[str, Any]) -> Path:
    filename = config.get("default_model_filename") or DEFAULT_MODEL_FILENAME
    if Path(filename).name != filename:
        raise ValueError(f"default_model_filename must be a bare file name; it is {filename!r}")
    path = directory / filename
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file {path}")
    return path


def _require_names(kind: str, configured: list[str], real: list[str]) -> None:
    if sorted(configured) != sorted(real):
        raise ValueError(f"the config names the {kind}s {sorted(configured)}, the model has {sorted(real)}")
