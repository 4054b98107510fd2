"""The part of the model card that is filled in from a run."""

from collections.abc import Sequence
from pathlib import Path

from training.errors import TrainingRefused

_BEGIN, _END = "<!-- figures of the training run: begin -->", "<!-- figures of the training run: end -->"


def fill_in(card: Path, paragraphs: Sequence[str]) -> None:
    """Replace what stands between the card's two marks; TrainingRefused where it has not both, in this order."""
    text = card.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise TrainingRefused(f"{card} has no place for the figures: put the lines {_BEGIN} and {_END} into it")
    part = card.with_name(card.name + ".part")
    part.write_text("\n".join([before + begin, "", *paragraphs, "", end]) + after, encoding="utf-8")
    part.replace(card)


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row is its head."""
    lines = [" | ".join(row) for row in rows]
    rule = " | ".join("---" for _ in rows[0])
    return "\n".join(f"| {line} |" for line in [lines[0], rule, *lines[1:]])
