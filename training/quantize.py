"""The float32 model file → int8, by static quantisation on crops from training."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from frontend.images import RgbImage
from training.fold_input import fold_input
from training.teachers import ONE_CROP, logit_of, session

_PERCENTILE = 99.99
_BATCH = 25


def quantize(model: Path, crops: Sequence[RgbImage], file: Path, *, float_stem: bool) -> None:
    """Write the int8 model: QDQ, weights by channel, activations cut at a percentile, the head in float32.

    `crops` are some hundred [128, 128, 3] uint8 RGB. With `float_stem` the first convolution stays in float32; for the
    served model that was less exact, so measure it. What the rounding moves the mean logit by is taken off the head's
    bias at the end.
    """
    graph = onnx.load(model).graph
    kept = [node.name for node in graph.node if node.op_type in {"Gemm", "Sigmoid"}]
    if float_stem:
        kept += [next(node.name for node in graph.node if node.op_type == kind) for kind in ("Conv", "Clip")]
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        part = Path(folder) / "int8.onnx"
        quantize_static(
            model,
            part,
            _Reader(crops),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            op_types_to_quantize=["Conv", "Add", "Clip", "GlobalAveragePool"],
            nodes_to_exclude=kept,
            extra_options={"CalibPercentile": _PERCENTILE, "ActivationSymmetric": False},
        )
        fold_input(part)
        _shift_head(part, float(np.mean(logits(model, crops) - logits(part, crops))))
        part.replace(file)


def logits(model: Path, crops: Sequence[RgbImage]) -> NDArray[np.float64]:
    """[n]: the logit of each crop, one at a time."""
    run = session(model, ONE_CROP)
    answers = [run.run(None, {"face": crop[None]})[0] for crop in crops]
    return np.asarray([logit_of(float(answer[0, 0])) for answer in answers])


class _Reader(CalibrationDataReader):
    def __init__(self, crops: Sequence[RgbImage]) -> None:
        self._batches: Iterator[Sequence[RgbImage]] = iter(
            [crops[first : first + _BATCH] for first in range(0, len(crops), _BATCH)]
        )

    def get_next(self) -> dict[str, RgbImage] | None:
        """A batch, or None at the end."""
        batch = next(self._batches, None)
        return None if batch is None else {"face": np.stack(batch)}


def _shift_head(file: Path, amount: float) -> None:
    model = onnx.load(file)
    (gemm,) = (node for node in model.graph.node if node.op_type == "Gemm")
    (bias,) = (tensor for tensor in model.graph.initializer if tensor.name == gemm.input[2])
    bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + np.float32(amount), bias.name))
    onnx.save(model, file)
