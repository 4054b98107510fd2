"""Judged pictures without pictures: a label and a raw score."""

from pathlib import Path

from frontend.evaluation.judging import Judged
from frontend.evaluation.samples import Sample
from frontend.pipeline import Verdict


def live(raw: float | None, number: int, **known: str) -> Judged:
    return Judged(Sample(Path(f"{number}"), f"live-{number}", "bona_fide", **known), _verdict(raw))


def attack(raw: float | None, number: int, attack_type: str = "print", **known: str) -> Judged:
    name = f"{attack_type}-{number}"
    return Judged(Sample(Path(name), name, "attack", attack_type, **known), _verdict(raw))


def _verdict(raw: float | None) -> Verdict:
    score = raw or 0.0
    return Verdict(is_live=score >= 0.5, liveness_score=score, face_found=raw is not None, raw_score=raw)
