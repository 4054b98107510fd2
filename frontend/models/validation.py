"""Is this file a model that the service can give verdicts by? Everything is tried before it can go live."""

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from frontend.embedded.selfcheck import INPUTS, SIDE, sample_crops
from frontend.errors import InvalidModel
from frontend.onnx_session import ORT_ERRORS, one_thread_session

_OUTPUT = "live"
_LARGEST_BATCH = 8
_TIMED_RUNS = 21
_BATCH_TOLERANCE = 0.02
"""A graph may choose other kernels for other batch sizes, and int8 rounds; more is a model that mixes its rows up."""
_LEAST_SPREAD = 1e-4

Crops = Mapping[str, NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Examined:
    """What was seen of a sound model: the time until it had judged the smoke set once, and the scores of that."""

    warm_up_ms: float
    lowest_score: float
    highest_score: float


def examine(file: Path) -> Examined:
    """Load the model and run it on a smoke set of made pictures: raises InvalidModel with all that is to be mended.

    It must take `face`, [n, 128, 128, 3] uint8 RGB for any n, and give `live`, [n, 1] float32 within 0
    to 1, the same for a picture alone as in a batch, and not the same for every picture.
    """
    begun_s = time.perf_counter()
    session = _load(file)
    _check_interface(session)
    scores = [_scores(session, _row(_smoke_set(), i)) for i in range(len(_smoke_set()[INPUTS[0]]))]
    warm_up_ms = 1000 * (time.perf_counter() - begun_s)
    alone = np.concatenate(scores)
    _check_range(alone)
    batch = {name: pictures[:_LARGEST_BATCH] for name, pictures in _smoke_set().items()}
    together = _scores(session, batch)
    if (worst := float(np.abs(together - alone[:_LARGEST_BATCH]).max())) > _BATCH_TOLERANCE:
        raise InvalidModel(f"a picture's score changes by {worst:.3f} in a batch of {_LARGEST_BATCH}")
    return Examined(warm_up_ms, float(alone.min()), float(alone.max()))


def time_ratio(file: Path, other: Path) -> tuple[float, float | None]:
    """The median time in milliseconds of one crop on one thread, and what share it is of the other model's.

    The two take turns, so that a machine that is busy with something else slows both down. There is no share where
    the other cannot be run, for then too it may be replaced.
    """
    session, crops = _load(file), sample_crops(1)
    try:
        other_session = _load(other)
        _seconds(other_session, crops)
    except (InvalidModel, *ORT_ERRORS):
        return 1000 * statistics.median(_seconds(session, crops) for _ in range(_TIMED_RUNS)), None
    rounds_s = [(_seconds(session, crops), _seconds(other_session, crops)) for _ in range(_TIMED_RUNS)]
    ratio = statistics.median(first / second for first, second in rounds_s)
    return 1000 * statistics.median(first for first, _ in rounds_s), ratio


def _load(file: Path) -> onnxruntime.InferenceSession:
    try:
        return one_thread_session(file)
    except ORT_ERRORS as error:
        raise InvalidModel(
            f"ONNX Runtime {onnxruntime.__version__} cannot load it: {_first_line(error, file)}"
        ) from None


def _check_interface(session: onnxruntime.InferenceSession) -> None:
    found = {"input": _signature(session.get_inputs()), "output": _signature(session.get_outputs())}
    wanted = {
        "input": dict.fromkeys(INPUTS, f"[n, {SIDE}, {SIDE}, 3] tensor(uint8)"),
        "output": {_OUTPUT: "[n, 1] tensor(float)"},
    }
    for kind, tensors in wanted.items():
        if found[kind] != tensors:
            raise InvalidModel(f"its {kind}s are {_listed(found[kind])}; the service needs {_listed(tensors)}")


def _signature(tensors: list[onnxruntime.NodeArg]) -> dict[str, str]:
    """Name → shape and type, with `n` for a free first side."""
    return {
        tensor.name: f"[{', '.join(['n' if not isinstance(side, int) else str(side) for side in tensor.shape])}] "
        f"{tensor.type}"
        for tensor in tensors
    }


def _listed(tensors: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {signature}" for name, signature in sorted(tensors.items())) or "none"


def _smoke_set() -> Crops:
    """Coloured gradients with noise, and for each input black, white, and the finest chequer."""
    y, x = np.mgrid[:SIDE, :SIDE]
    chequer = np.repeat(255 * ((x + y) % 2)[..., None], 3, axis=2)
    plain = np.stack([np.zeros_like(chequer), np.full_like(chequer, 255), chequer]).astype(np.uint8)
    return {name: np.concatenate([pictures, plain]) for name, pictures in sample_crops(_LARGEST_BATCH).items()}


def _seconds(session: onnxruntime.InferenceSession, crops: Crops) -> float:
    inputs = dict(crops)
    begun_s = time.perf_counter()
    session.run([_OUTPUT], inputs)
    return time.perf_counter() - begun_s


def _row(crops: Crops, i: int) -> Crops:
    return {name: pictures[i : i + 1] for name, pictures in crops.items()}


def _scores(session: onnxruntime.InferenceSession, crops: Crops) -> NDArray[np.float32]:
    """[n], as the model answers for [n, 128, 128, 3] crops."""
    count = len(next(iter(crops.values())))
    try:
        (out,) = session.run([_OUTPUT], dict(crops))
    except ORT_ERRORS as error:
        raise InvalidModel(f"it cannot be run on {count} crops: {_first_line(error)}") from None
    if out.shape != (count, 1):
        raise InvalidModel(f"it answers {count} crops with the shape {list(out.shape)}, not [{count}, 1]")
    return np.asarray(out[:, 0], np.float32)


def _check_range(scores: NDArray[np.float32]) -> None:
    if not np.isfinite(scores).all():
        raise InvalidModel("it gives scores that are no numbers (NaN or infinite)")
    if scores.min() < 0 or scores.max() > 1:
        raise InvalidModel(
            f"its scores reach from {scores.min():.3g} to {scores.max():.3g}: P(live) lies within 0 and 1 "
            "(is the sigmoid missing?)"
        )
    if scores.max() - scores.min() < _LEAST_SPREAD:
        raise InvalidModel(f"it gives {scores[0]:.4f} for every picture")


def _first_line(error: Exception, file: Path | None = None) -> str:
    """What ONNX Runtime says, without the name of the copy that it was given."""
    text = str(error).replace(f"{file} ", "").strip() or type(error).__name__
    return text.splitlines()[0][:300]
