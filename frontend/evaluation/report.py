"""The whole report, and its JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from frontend.evaluation.figures import Figures
from frontend.evaluation.judging import Judged
from frontend.evaluation.mistakes import Mistake
from frontend.evaluation.robustness import Shift


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured on which pictures, with which model and calibration, and when."""

    made_at: datetime
    title: str
    model: str
    calibration: str
    key_name: str | None
    seconds: float
    judged: Sequence[Judged]
    figures: Figures
    robustness: Sequence[Shift] = ()
    mistakes: dict[str, list[Mistake]] = field(default_factory=dict)

    def json(self) -> str:
        """Everything but the pictures: the figures, the robustness table, and a line for each picture."""
        content = {
            "version": 1,
            "made_at": self.made_at.isoformat(timespec="seconds"),
            "title": self.title,
            "model": self.model,
            "calibration": self.calibration,
            "key": self.key_name,
            "figures": asdict(self.figures),
            "robustness": [asdict(shift) for shift in self.robustness],
            "pictures": [_line(one) for one in self.judged],
        }
        return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _line(one: Judged) -> dict[str, Any]:
    known = {name: value for name, value in asdict(one.sample).items() if value and name not in {"path", "name"}}
    verdict = {name: value for name, value in asdict(one.verdict).items() if name != "details"}
    return {"path": one.sample.name, **known, **verdict}
