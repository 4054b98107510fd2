"""The trained network → a float32 ONNX file with the service's input and output: a crop goes in, P(live) comes out.

The graph is written operator by operator, so that it is the one that runtimes are fastest with: paddings are part of
the convolutions, which PyTorch's exporter leaves apart, and normalisation and sigmoid are inside.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from torch import Tensor, nn

from frontend.crops import CROP_SIDE_PIXELS
from training.network import INPUT_OFFSET, INPUT_SCALE, Block, LivenessNetwork

OPSET = 17
_IR_VERSION = 8
_CROP = ["n", CROP_SIDE_PIXELS, CROP_SIDE_PIXELS, 3]


def export(network: LivenessNetwork, file: Path) -> None:
    """Write the model file: `face` [n, 128, 128, 3] uint8 RGB → `live` [n, 1] float32."""
    graph = _Graph()
    value = graph.add("Transpose", ["face"], perm=[0, 3, 1, 2])
    value = graph.add("Cast", [value], to=onnx.TensorProto.FLOAT)
    value = graph.add("Mul", [value, graph.constant(INPUT_SCALE)])
    value = graph.add("Add", [value, graph.constant(INPUT_OFFSET)])
    value = graph.add_layers(network.trunk, value)
    value = graph.add("Flatten", [graph.add("GlobalAveragePool", [value])])
    value = graph.add("Gemm", [value, *graph.weights(network.head)], transB=1)
    graph.add("Sigmoid", [value], output="live")
    crop = helper.make_tensor_value_info("face", onnx.TensorProto.UINT8, _CROP)
    output = helper.make_tensor_value_info("live", onnx.TensorProto.FLOAT, ["n", 1])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "anti_spoof", [crop], [output], graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
    )
    onnx.checker.check_model(model, full_check=True)
    part = file.with_suffix(".part")
    onnx.save(model, part)
    part.replace(file)


class _Graph:
    """Nodes and initializers, each named by its place."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self._six: tuple[str, str] | None = None

    def add(self, kind: str, inputs: list[str], *, output: str = "", **attributes: object) -> str:
        """One operator; returns the name of its output."""
        name = f"{kind}_{len(self.nodes)}"
        output = output or f"{name}_output"
        self.nodes.append(helper.make_node(kind, inputs, [output], name, **attributes))
        return output

    def constant(self, value: float | NDArray[np.float32]) -> str:
        """A number or an array; returns its name."""
        name = f"value_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def weights(self, layer: nn.Module) -> list[str]:
        """Weight and bias of a layer."""
        return [self.constant(_array(layer.weight)), self.constant(_array(layer.bias))]

    def add_layers(self, layers: Iterable[nn.Module], value: str) -> str:
        """Layers one after the other; returns the name of what the last gives."""
        padding = None
        for layer in layers:
            if isinstance(layer, nn.ZeroPad2d):
                left, right, top, bottom = layer.padding
                padding = [top, left, bottom, right]
            elif isinstance(layer, nn.Conv2d):
                pads = padding or [side for side in layer.padding for _ in range(2)]
                inputs = [value, *self.weights(layer)]
                shape, strides = list(layer.kernel_size), list(layer.stride)
                value = self.add("Conv", inputs, kernel_shape=shape, strides=strides, pads=pads, group=layer.groups)
                padding = None
            elif isinstance(layer, nn.ReLU6):
                self._six = self._six or (self.constant(0.0), self.constant(6.0))
                value = self.add("Clip", [value, *self._six])
            elif isinstance(layer, Block):
                after = self.add_layers(layer.layers, value)
                value = self.add("Add", [value, after]) if layer.is_residual else after
            else:
                raise TypeError(f"no operator is known for {type(layer).__name__}")
        return value


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return np.asarray(tensor.detach().cpu().numpy(), np.float32)
