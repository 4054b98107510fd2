"""Judged pictures → the figures of a report."""

from collections.abc import Sequence

import numpy as np

from frontend.evaluation.figures import AttackType, Figure, Figures, Group, Rate, rate_of
from frontend.evaluation.headline import Headline, bootstrapped
from frontend.evaluation.intervals import percentiles
from frontend.evaluation.judging import Judged, by, by_attack_type, scores_of
from frontend.evaluation.metrics import ErrorCurve, ScoredClasses
from frontend.evaluation.samples import UNSPECIFIED, require_both_classes

FEW = 30
"""Below so many presentations a rate is little more than a guess."""
FEW_SUBJECTS = 10


def figures_of(judged: Sequence[Judged], threshold: float) -> Figures:
    """Every figure, where `threshold` is the least answered score of `is_live` 1.

    Raises InvalidImageSet when too few of a class got a response.
    """
    answered = _with_response(judged)
    require_both_classes([one.sample for one in answered])
    bona_fide, attacks, no_face = (_labelled(judged, label) for label in ("bona_fide", "attack", "no_face"))
    types = _attack_types(attacks, bona_fide)
    worst_type, apcer = _worst(types)
    headline = Headline(answered, threshold)
    point = headline.under(np.ones(len(answered)))
    drawn, subjects = bootstrapped(headline, answered)

    def rate(name: str, errors: int, presentations: int) -> Rate:
        return rate_of(errors, presentations, percentiles(drawn[name]) if subjects < len(answered) else None)

    def figure(name: str) -> Figure:
        return Figure(point[name], percentiles(drawn[name]))

    live = _with_response(bona_fide)
    return Figures(
        threshold=threshold,
        apcer=rate("apcer", apcer.errors, apcer.presentations),
        worst_attack_type=worst_type,
        bpcer=rate("bpcer", sum(not one.verdict.is_live for one in live), len(live)),
        acer=figure("acer"),
        apnrr=_non_response(attacks),
        bpnrr=_non_response(bona_fide),
        eer=figure("eer"),
        auc=figure("auc"),
        bpcer_at_apcer_1=figure("bpcer_at_apcer_1"),
        bpcer_at_apcer_5=figure("bpcer_at_apcer_5"),
        attack_types=types,
        sources=[_group(name, several) for name, several in by(judged, lambda sample: sample.source).items()],
        cameras=[_group(name, several) for name, several in by(judged, lambda sample: sample.camera).items()],
        false_face=rate_of(sum(one.verdict.face_found for one in no_face), len(no_face)) if no_face else None,
        warnings=_warnings(answered, types, subjects),
    )


def _with_response(judged: Sequence[Judged]) -> list[Judged]:
    return [one for one in judged if one.has_response]


def _labelled(judged: Sequence[Judged], label: str) -> list[Judged]:
    return [one for one in judged if one.sample.label == label]


def _non_response(judged: Sequence[Judged]) -> Rate:
    return rate_of(len(judged) - len(_with_response(judged)), len(judged))


def _errors(judged: Sequence[Judged], *, is_live: bool) -> Rate | None:
    """The share of those with a response whose verdict is this wrong one; None where none had a response."""
    answered = _with_response(judged)
    return rate_of(sum(one.verdict.is_live is is_live for one in answered), len(answered)) if answered else None


def _attack_types(attacks: Sequence[Judged], bona_fide: Sequence[Judged]) -> list[AttackType]:
    types = []
    for name, several in by_attack_type(attacks).items():
        curve = _curve(bona_fide, several)
        types.append(
            AttackType(
                name=name,
                apcer=_errors(several, is_live=True),
                apnrr=_non_response(several),
                auc=curve.auc() if curve else None,
                bpcer_at_apcer_5=curve.bpcer_at(0.05) if curve else None,
            )
        )
    return types


def _curve(bona_fide: Sequence[Judged], attacks: Sequence[Judged]) -> ErrorCurve | None:
    live, attack = scores_of(_with_response(bona_fide)), scores_of(_with_response(attacks))
    return ScoredClasses(live, attack).curve() if live.size and attack.size else None


def _worst(types: Sequence[AttackType]) -> tuple[str, Rate]:
    """The type with the highest APCER, of several the least certain; at least one must have had a response."""
    return max(((t.name, t.apcer) for t in types if t.apcer), key=lambda named: named[1].badness)


def _group(name: str, judged: Sequence[Judged]) -> Group:
    bona_fide, attacks = _labelled(judged, "bona_fide"), _labelled(judged, "attack")
    types = _attack_types(attacks, bona_fide)
    worst_type, apcer = _worst(types) if _with_response(attacks) else ("", None)
    curve = _curve(bona_fide, attacks)
    return Group(
        name=name,
        apcer=apcer,
        worst_attack_type=worst_type,
        bpcer=_errors(bona_fide, is_live=False),
        auc=curve.auc() if curve else None,
        non_responses=len(bona_fide) + len(attacks) - len(_with_response([*bona_fide, *attacks])),
    )


def _warnings(answered: Sequence[Judged], types: Sequence[AttackType], subjects: int) -> list[str]:
    numbers = {"bona fide pictures": len(_labelled(answered, "bona_fide"))}
    numbers |= {f"attacks of type {t.name}": t.apcer.presentations if t.apcer else 0 for t in types}
    warnings = [
        f"Only {number} {what} with a response: a rate from fewer than {FEW} is little more than a guess."
        for what, number in numbers.items()
        if number < FEW
    ]
    if subjects == len(answered):
        warnings.append(
            "No two pictures are known to be of one subject, so the intervals take all as independent. If people "
            "appear more than once, the truth is less certain: give a manifest with a subject column."
        )
    elif subjects < FEW_SUBJECTS:
        warnings.append(f"Only {subjects} subjects: other people may give other rates than any interval here says.")
    if any(t.name == UNSPECIFIED for t in types):
        warnings.append("Some attacks have no type: ISO/IEC 30107-3 wants APCER for each type of attack apart.")
    return warnings
