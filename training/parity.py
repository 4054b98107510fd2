"""Do PyTorch, the float32 file, the int8 file and Triton say the same?"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from frontend.embedded import temporary_triton
from frontend.embedded.probe import Probe
from frontend.images import RgbImage
from frontend.settings import Settings
from training.network import LivenessNetwork
from training.quantize import logits
from training.targets import sigmoid

PYTORCH_TOLERANCE = 1e-4
TRITON_TOLERANCE = 1e-5


@dataclass(frozen=True, slots=True)
class Parity:
    """The largest differences of P(live); for int8, which is not exact, the mean one and the share of flips at 0.5."""

    onnx_from_pytorch: float
    triton_from_onnx: float
    int8_mean: float
    int8_flips: float

    @property
    def holds(self) -> bool:
        """Whether what should be exact is."""
        return self.onnx_from_pytorch <= PYTORCH_TOLERANCE and self.triton_from_onnx <= TRITON_TOLERANCE


def parity(
    network: LivenessNetwork, float32: Path, int8: Path, crops: Sequence[RgbImage], settings: Settings
) -> Parity:
    """Compare them on crops, [128, 128, 3] uint8 RGB each; Triton runs the int8 file on the service's configuration."""
    with torch.no_grad():
        x = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2).float()
        of_pytorch = torch.sigmoid(network.eval()(x)).double().numpy()
    of_float32, of_int8 = sigmoid(logits(float32, crops)), sigmoid(logits(int8, crops))
    return Parity(
        onnx_from_pytorch=float(np.abs(of_float32 - of_pytorch).max()),
        triton_from_onnx=float(np.abs(_scores_of_triton(int8, crops, settings) - of_int8).max()),
        int8_mean=float(np.abs(of_int8 - of_float32).mean()),
        int8_flips=float(np.mean((of_int8 >= 0.5) != (of_float32 >= 0.5))),
    )


def _scores_of_triton(
    model: Path, crops: Sequence[RgbImage], settings: Settings
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    with tempfile.TemporaryDirectory(prefix="liveness-parity-") as folder:
        served = Path(folder) / settings.triton_model
        (served / "1").mkdir(parents=True)
        shutil.copy(settings.model_repository / settings.triton_model / "config.pbtxt", served)
        shutil.copyfile(model, served / "1" / "model.onnx")
        with temporary_triton(settings.model_copy(update={"model_repository": Path(folder)})) as triton:
            probe = Probe(triton.url, settings.triton_model)
            answers = [probe.infer({"face": crop[None]}, 10.0) for crop in crops]
    return np.concatenate(answers)[:, 0].astype(np.float64)
