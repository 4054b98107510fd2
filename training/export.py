"""The trained network → a float32 ONNX file with the service's inputs and output: crops go in, P(live) comes out."""

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from frontend.crops import CROP_SIDE_PIXELS
from training.network import LivenessNetwork

OPSET = 17
_CROP = [None, CROP_SIDE_PIXELS, CROP_SIDE_PIXELS, 3]


class Served(nn.Module):
    """Normalisation, network and sigmoid: [n, 128, 128, 3] uint8 RGB → [n, 1] float32."""

    def __init__(self, network: LivenessNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, face: Tensor) -> Tensor:
        """P(live)."""
        return torch.sigmoid(self.network(face.permute(0, 3, 1, 2).float()))[:, None]


def export(network: LivenessNetwork, file: Path) -> None:
    """Write the model file. Its input `context` is taken, as the service sends it, and not looked at."""
    part = file.with_suffix(".part")
    example = torch.zeros((2, CROP_SIDE_PIXELS, CROP_SIDE_PIXELS, 3), dtype=torch.uint8)
    torch.onnx.export(
        Served(network.cpu()).eval(),
        (example,),
        part,
        input_names=["face"],
        output_names=["live"],
        dynamic_axes={"face": {0: "n"}, "live": {0: "n"}},
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(part)
    unused = onnx.helper.make_tensor_value_info("context", onnx.TensorProto.UINT8, ["n", *_CROP[1:]])
    model.graph.input.insert(0, unused)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, part)
    part.replace(file)
