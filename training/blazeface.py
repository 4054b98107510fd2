"""MediaPipe's BlazeFace, from the TensorFlow Lite file in which it is published to the ONNX file that is served.

The weights, float16, are taken over unchanged; the answers differ from OpenCV's of the same file by rounding alone.
Channels are filled up with zeros to whole blocks of 16, which is what ONNX Runtime's fast convolutions work on: 0.5 ms
a picture on one core with AVX-512, where the bare graph takes 0.65 and OpenCV's dnn module 1.5. Where that makes room
for the channels that a residual connection pads with zeros, the padding falls away. Raw RGB bytes go in.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from training.errors import TrainingRefused

_IDENTIFIER = b"TFL3"
_BLOCK = 16
_OPSET, _IR_VERSION = 17, 8
_INPUT, _BOXES, _LOGITS = "image", "boxes", "logits"
_DTYPES = {tflite.TensorType.FLOAT16: "<f2", tflite.TensorType.FLOAT32: "<f4", tflite.TensorType.INT32: "<i4"}
_OPERATORS = {number: name for name, number in vars(tflite.BuiltinOperator).items() if isinstance(number, int)}

Array = NDArray[Any]


def convert(source: Path, target: Path) -> None:
    """Write `source` as ONNX: `image` [1, 128, 128, 3] uint8 RGB → `boxes` [1, 896, 16], `logits` [1, 896, 1] float32.

    Raises TrainingRefused where the file is another network.
    """
    data = source.read_bytes()
    if data[4:8] != _IDENTIFIER:
        raise TrainingRefused(f"{source} is not the short-range BlazeFace, and no TensorFlow Lite file at all")
    try:
        graph = _Converter(tflite.Model.GetRootAsModel(data, 0)).graph()
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise TrainingRefused(f"{source} is not the short-range BlazeFace: {error}") from None
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(made, full_check=True)
    onnx.save(made, target)


class _Converter:
    """One pass over the operators; tensors are named by their number in the file, `t7`."""

    def __init__(self, model: tflite.Model) -> None:
        self._model = model
        self._source = model.Subgraphs(0)
        self._nodes: list[onnx.NodeProto] = []
        self._values: list[onnx.TensorProto] = []
        self._weights: dict[int, Array] = {}
        self._channels: dict[int, int] = {}
        self._name: dict[int, str] = {}

    def graph(self) -> onnx.GraphProto:
        shown = int(self._source.Inputs(0))
        self._name[shown], self._channels[shown] = "scaled", 3
        self._add("Cast", [_INPUT], "floats", to=TensorProto.FLOAT)
        self._add("Sub", ["floats", self._value("middle", np.float32(127.5))], "centred")
        self._add("Div", ["centred", "middle"], "unit")
        self._add("Transpose", ["unit"], "scaled", perm=[0, 3, 1, 2])
        operators = list(self._operators())
        flattened = {inputs[0] for kind, _, inputs, _ in operators if kind == "RESHAPE"}
        for kind, operator, inputs, output in operators:
            self._convert(kind, operator, inputs, output, is_head=output in flattened)
        return helper.make_graph(
            self._nodes,
            "blazeface_short_range",
            [helper.make_tensor_value_info(_INPUT, TensorProto.UINT8, [1, 128, 128, 3])],
            [
                helper.make_tensor_value_info(_BOXES, TensorProto.FLOAT, [1, 896, 16]),
                helper.make_tensor_value_info(_LOGITS, TensorProto.FLOAT, [1, 896, 1]),
            ],
            self._values,
        )

    def _operators(self) -> Iterator[tuple[str, tflite.Operator, list[int], int]]:
        for i in range(self._source.OperatorsLength()):
            operator = self._source.Operators(i)
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            kind = _OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            yield kind, operator, [int(t) for t in operator.InputsAsNumpy()], int(operator.Outputs(0))

    def _convert(self, kind: str, operator: tflite.Operator, inputs: list[int], output: int, *, is_head: bool) -> None:
        first = self._name.get(inputs[0], "")
        self._channels[output] = self._channels.get(inputs[0], 0)
        self._name[output] = name = f"t{output}"
        match kind:
            case "DEQUANTIZE":
                self._weights[output] = self._constant(inputs[0])
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                self._convolve(kind, operator, inputs, output, is_head=is_head)
            case "ADD":
                self._add("Add", [self._name[t] for t in inputs], name)
            case "RELU":
                self._add("Relu", [first], name)
            case "MAX_POOL_2D":
                self._add("MaxPool", [first], name, kernel_shape=[2, 2], strides=[2, 2])
            case "PAD":
                self._channels[output] = _filled(self._shape(output)[3])
                if more := self._channels[output] - self._channels[inputs[0]]:
                    self._add(
                        "Pad",
                        [first, self._value(f"pads{output}", np.asarray([0, 0, 0, 0, 0, more, 0, 0], np.int64))],
                        name,
                    )
                else:
                    self._name[output] = first
            case "RESHAPE":
                self._add("Transpose", [first], f"rows{output}", perm=[0, 2, 3, 1])
                self._add("Reshape", [f"rows{output}", self._value(f"shape{output}", self._shape(output))], name)
            case "CONCATENATION":
                whole = {16: _BOXES, 1: _LOGITS}[self._shape(output)[-1]]
                self._add("Concat", [self._name[t] for t in inputs], whole, axis=1)
            case _:
                raise ValueError(f"the operator {kind} is none of its own")

    def _convolve(self, kind: str, operator: tflite.Operator, inputs: list[int], output: int, *, is_head: bool) -> None:
        is_depthwise = kind == "DEPTHWISE_CONV_2D"
        options = tflite.DepthwiseConv2DOptions() if is_depthwise else tflite.Conv2DOptions()
        options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
        if options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise ValueError("a convolution with an activation of its own")
        weight, bias = self._weights[inputs[1]], self._weights[inputs[2]]
        weight = weight.transpose((3, 0, 1, 2) if is_depthwise else (0, 3, 1, 2))
        count, kernel = weight.shape[0] if is_head else _filled(weight.shape[0]), weight.shape[2]
        before = 1 if is_depthwise else self._channels[inputs[0]]
        filled_weight, filled_bias = np.zeros((count, before, kernel, kernel), np.float16), np.zeros(count, np.float16)
        filled_weight[: weight.shape[0], : weight.shape[1]] = weight
        filled_bias[: len(bias)] = bias
        self._channels[output] = count
        self._add(
            "Conv",
            [
                self._name[inputs[0]],
                self._half(f"weight{output}", filled_weight),
                self._half(f"bias{output}", filled_bias),
            ],
            self._name[output],
            kernel_shape=[kernel, kernel],
            strides=[options.StrideH(), options.StrideW()],
            pads=_pads(self._shape(inputs[0])[1], kernel, options.StrideH()) if kernel > 1 else [0, 0, 0, 0],
            group=count if is_depthwise else 1,
        )

    def _add(self, kind: str, inputs: list[str], output: str, **attributes: object) -> None:
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def _value(self, name: str, array: object) -> str:
        self._values.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def _half(self, name: str, array: Array) -> str:
        """A float16 value that the graph reads as float32; ONNX Runtime widens it once, when it loads the file."""
        self._add("Cast", [self._value(f"{name}.half", array)], name, to=TensorProto.FLOAT)
        return name

    def _shape(self, tensor: int) -> Array:
        return np.asarray(self._source.Tensors(tensor).ShapeAsNumpy(), np.int64)

    def _constant(self, tensor: int) -> Array:
        found = self._source.Tensors(tensor)
        data = self._model.Buffers(found.Buffer()).DataAsNumpy().tobytes()
        return np.frombuffer(data, _DTYPES[found.Type()]).reshape(self._shape(tensor))


def _filled(channels: int) -> int:
    return -(-int(channels) // _BLOCK) * _BLOCK


def _pads(side: int, kernel: int, stride: int) -> list[int]:
    """TensorFlow's "SAME": with a stride, less above and at the left than below and at the right."""
    whole = max((-(-int(side) // stride) - 1) * stride + kernel - int(side), 0)
    return [whole // 2, whole // 2, whole - whole // 2, whole - whole // 2]
