"""What the served model is spared at its input changes no score, and is left where it would."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from training.fold_input import fold_input


class Crops(CalibrationDataReader):
    def __init__(self, highest: int) -> None:
        crops = np.random.default_rng(1).integers(0, highest + 1, (4, 1, 128, 128, 3), dtype=np.uint8)
        self._crops = iter([{"face": crop} for crop in crops])

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._crops, None)


def quantized(folder: Path, highest: int, offset: float) -> Path:
    """A model of one convolution behind a scale and an offset, calibrated on bytes up to the `highest`."""
    weights = np.random.default_rng(2).normal(size=(4, 3, 3, 3)).astype(np.float32)
    values = {"scale": np.float32(2 / 127.5), "offset": np.float32(offset), "weights": weights}
    nodes = [
        helper.make_node("Transpose", ["face"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["numbers", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["centred"]),
        helper.make_node("Conv", ["centred", "weights"], ["live"], pads=[0, 0, 1, 1], strides=[2, 2]),
    ]
    graph = helper.make_graph(
        nodes,
        "one convolution",
        [helper.make_tensor_value_info("face", TensorProto.UINT8, ["n", 128, 128, 3])],
        [helper.make_tensor_value_info("live", TensorProto.FLOAT, ["n", 4, 64, 64])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "float32.onnx")
    quantize_static(
        folder / "float32.onnx",
        folder / "int8.onnx",
        Crops(highest),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["Conv", "Add"],
    )
    return folder / "int8.onnx"


def answers(file: Path) -> np.ndarray:
    crops = np.random.default_rng(3).integers(0, 256, (3, 128, 128, 3), dtype=np.uint8)
    return np.asarray(InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {"face": crops})[0])


def test_where_bytes_stay_as_they_are_they_are_taken_as_they_are(tmp_path: Path) -> None:
    file = quantized(tmp_path, highest=255, offset=-1.995)
    before, nodes_before = answers(file), len(onnx.load(file).graph.node)
    assert fold_input(file)
    assert np.array_equal(answers(file), before)
    assert len(onnx.load(file).graph.node) <= nodes_before - 6
    assert not fold_input(file), "there is nothing more to leave out"


@pytest.mark.parametrize(("highest", "offset"), [(200, -1.995), (255, -2.0)], ids=["cut at 200", "rounded half up"])
def test_where_they_would_change_everything_is_left_as_it_is(tmp_path: Path, highest: int, offset: float) -> None:
    file = quantized(tmp_path, highest, offset)
    before = file.read_bytes()
    assert not fold_input(file)
    assert file.read_bytes() == before
