"""The model's raw score → the score that is answered, as `liveness calibrate` fitted it to an operator's own images.

The map is Platt scaling (Platt, "Probabilistic outputs for support vector machines", 1999) on the logit, anchored so
that the operating point that was chosen becomes 0.5: raw scores keep their order, and `liveness_score >= 0.5` is the
verdict, whoever looks. Each key may have a map of its own.
"""

import json
import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from frontend.errors import StartRefused
from frontend.settings import Settings

OPERATING_POINT = 0.5
"""Where a calibrated score changes from attack to live."""
_LEAST_RAW = 5e-7  # half of the last decimal that raw scores have: 0 and 1 have no logit


class ScoreMap(BaseModel):
    """One calibration: `score(raw)` is the sigmoid of slope · (logit(raw) - logit(raw_threshold)).

    `evidence` says what it was fitted on and what was then found; nothing is decided by it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    raw_threshold: Annotated[float, Field(gt=0, lt=1)]
    slope: Annotated[float, Field(gt=0, le=100)]
    evidence: dict[str, str | int | float | list[str] | list[float] | None] = {}

    def score(self, raw: float) -> float:
        """The calibrated score of a raw one in [0, 1], to six decimals."""
        half = self.slope * (logit(raw) - logit(self.raw_threshold)) / 2
        return round(0.5 + 0.5 * math.tanh(half), 6)  # the sigmoid of twice that, without overflow


class Calibration(BaseModel):
    """What the calibration file holds: the map of every key in `keys`, and of all others in `default`.

    Where there is no map the raw score is answered, against LIVENESS_LIVE_THRESHOLD. `model` is the name of the model
    whose scores these are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    model: str
    default: ScoreMap | None = None
    keys: dict[str, ScoreMap] = {}

    def map_for(self, key_name: str | None) -> ScoreMap | None:
        """The map for the key of this name; None: of the requests that no key has a map for."""
        return self.default if key_name is None else self.keys.get(key_name, self.default)

    def text(self) -> str:
        """The file's content."""
        return json.dumps(self.model_dump(), indent=2, ensure_ascii=False) + "\n"


def logit(raw: float) -> float:
    """The log-odds of a raw score; those at the ends of [0, 1] as half a last decimal before them."""
    raw = min(max(raw, _LEAST_RAW), 1 - _LEAST_RAW)
    return math.log(raw / (1 - raw))


def load_calibration(settings: Settings) -> Calibration:
    """The calibration that the settings name, or that lies in the data folder, or an empty one.

    Raises StartRefused when a file that is named is not there, or when the file cannot be read, is malformed, is for
    another model, or is contradicted by LIVENESS_LIVE_THRESHOLD.
    """
    path = settings.calibration_path
    if not settings.calibration and not path.exists():
        return Calibration(model=settings.triton_model)
    calibration = read_calibration(path)
    if calibration.model != settings.triton_model:
        raise StartRefused(
            f"the calibration {path} is for the model {calibration.model}, but LIVENESS_TRITON_MODEL is "
            f"{settings.triton_model}: calibrate again, or take the file away"
        )
    if calibration.default:
        require_no_other_threshold(settings, f"the calibration {path}", "unset the one or take the other away")
    return calibration


def require_no_other_threshold(settings: Settings, calibration: str, remedy: str) -> None:
    """Raise StartRefused where LIVENESS_LIVE_THRESHOLD contradicts what is called `calibration`; `remedy` ends it."""
    if settings.live_threshold != OPERATING_POINT:
        raise StartRefused(
            f"LIVENESS_LIVE_THRESHOLD is {settings.live_threshold}, but {calibration} puts the threshold at "
            f"{OPERATING_POINT}: {remedy}"
        )


def read_calibration(path: Path) -> Calibration:
    """The content of a calibration file; raises StartRefused, which names the file and what is wrong in it."""
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except OSError as error:
        raise StartRefused(f"cannot read the calibration {path}: {error.strerror}") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in error.errors())
        raise StartRefused(f"the calibration {path} is malformed ({problems}): calibrate again, or take it away") from (
            None
        )
