"""The figures of a report by ISO/IEC 30107-3.

APCER and BPCER are of the presentations that got a response; those in which no face was found, or that were refused for
their quality, are the non-response rates APNRR and BPNRR (the service answers them `is_live` 0). APCER is that of the
worst attack type.
"""

from dataclasses import dataclass

from frontend.evaluation.intervals import Interval, wilson


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of presentations; `bootstrap_95` is None where no two presentations are of one subject."""

    errors: int
    presentations: int
    value: float
    wilson_95: Interval
    bootstrap_95: Interval | None = None

    @property
    def badness(self) -> tuple[float, float]:
        """The more the worse: of equal values that of fewer presentations, which may hide more."""
        return self.value, self.wilson_95[1]

    @property
    def widest_95(self) -> Interval:
        """The wider of the two, which claims less: where nothing went wrong the bootstrap has nothing to vary."""
        return max(self.wilson_95, self.bootstrap_95 or self.wilson_95, key=lambda ends: ends[1] - ends[0])


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure that is no plain share."""

    value: float
    bootstrap_95: Interval


@dataclass(frozen=True, slots=True)
class AttackType:
    """One species of presentation attack instrument: `apcer` and `auc` are None where none of them got a response."""

    name: str
    apcer: Rate | None
    apnrr: Rate
    auc: float | None
    bpcer_at_apcer_5: float | None


@dataclass(frozen=True, slots=True)
class Group:
    """The pictures of one source or camera; `apcer` is of its `worst_attack_type`."""

    name: str
    apcer: Rate | None
    worst_attack_type: str
    bpcer: Rate | None
    auc: float | None
    non_responses: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All that is measured; `false_face` is the share of pictures without a face in which one was found."""

    threshold: float
    apcer: Rate
    worst_attack_type: str
    bpcer: Rate
    acer: Figure
    apnrr: Rate
    bpnrr: Rate
    eer: Figure
    auc: Figure
    bpcer_at_apcer_1: Figure
    bpcer_at_apcer_5: Figure
    attack_types: list[AttackType]
    sources: list[Group]
    cameras: list[Group]
    false_face: Rate | None
    warnings: list[str]


def rate_of(errors: int, presentations: int, bootstrap: Interval | None = None) -> Rate:
    """The share, with its Wilson interval."""
    return Rate(errors, presentations, errors / presentations, wilson(errors, presentations), bootstrap)
