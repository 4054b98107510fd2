"""Does the server answer as the model does? It is compared with ONNX Runtime inside this process.

Triton, our backend and ONNX Runtime come separately; parts that do not fit together might load and answer wrongly.
"""

from pathlib import Path

import numpy as np

from frontend.embedded.probe import Crops, Probe, Scores
from frontend.errors import StartRefused
from frontend.onnx_session import ORT_ERRORS, one_thread_session

INPUTS = ("face",)
SIDE = 128
BATCH_SIZES = (1, 3)
TOLERANCE = 1e-5


def sample_crops(count: int) -> Crops:
    """`count` crops, uint8 RGB [count,128,128,3]: colour gradients with noise, the same at every call."""
    generator = np.random.default_rng(count)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    slopes = generator.uniform(-1, 1, (2, len(INPUTS), count, 1, 1, 3))
    pictures = 128 + slopes[0] * (x[..., None] - SIDE / 2) + slopes[1] * (y[..., None] - SIDE / 2)
    pictures += generator.normal(0, 8, pictures.shape)
    return dict(zip(INPUTS, np.clip(pictures, 0, 255).astype(np.uint8), strict=True))


def model_file(model_repository: Path, model: str) -> Path:
    """The `model.onnx` of the newest version; StartRefused if there is none."""
    folder = model_repository / model
    versions = [f.name for f in folder.glob("[1-9]*") if f.name.isdecimal()]
    path = folder / max(versions, key=int, default="VERSION") / "model.onnx"  # Triton too serves no older one instead
    if not path.is_file():
        raise StartRefused(
            f"there is no {path}: set LIVENESS_MODEL_REPOSITORY to a model repository and LIVENESS_TRITON_MODEL to a "
            "model in it, or remove the folder of a version without a file"
        )
    return path


def expected_scores(model_path: Path) -> list[tuple[Crops, Scores]]:
    """The samples and what the model says of them, one entry for each batch size."""
    try:
        session = one_thread_session(model_path)
        samples = [sample_crops(count) for count in BATCH_SIZES]
        return [(crops, session.run(["live"], dict(crops))[0]) for crops in samples]
    except ORT_ERRORS as error:
        raise StartRefused(f"ONNX Runtime cannot run {model_path}: {error}") from error


def compare(probe: Probe, expected: list[tuple[Crops, Scores]], timeout_s: float) -> None:
    """StartRefused if an answer differs; ProbeFailed if there is none."""
    for crops, scores in expected:
        answer = probe.infer(crops, timeout_s)
        if not np.allclose(answer, scores, rtol=0, atol=TOLERANCE):
            raise StartRefused(
                f"Triton answers {answer.ravel().tolist()} where ONNX Runtime says {scores.ravel().tolist()}: "
                "the packages do not fit together; install them anew from requirements/"
            )
