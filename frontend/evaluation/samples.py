"""A labelled picture, and the words for its label."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from frontend.errors import InvalidImageSet

Label = Literal["bona_fide", "attack", "no_face"]

LABELS: dict[str, Label] = {
    "live": "bona_fide",
    "bona_fide": "bona_fide",
    "spoof": "attack",
    "attack": "attack",
    "noface": "no_face",
    "no_face": "no_face",
}
"""The words that a folder or a manifest may use, and what they stand for."""
UNSPECIFIED = "unspecified"
"""The attack type of attacks that are given without one."""
LEAST_OF_A_CLASS = 10
"""Fewer pictures of a class than these give no error rate worth writing down."""
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled picture; `name` is its path as the operator gave it. What is not known is empty.

    `attack_type` is what ISO/IEC 30107-3 calls the species of the presentation attack instrument.
    """

    path: Path
    name: str
    label: Label
    attack_type: str = ""
    subject: str = ""
    session: str = ""
    source: str = ""
    camera: str = ""
    split: str = ""

    @property
    def cluster(self) -> tuple[str, ...]:
        """What pictures that err together have in common: the subject, or the session, or the picture alone."""
        if self.subject:
            return ("subject", self.source, self.subject)
        if self.session:
            return ("session", self.source, self.session)
        return ("picture", self.name)


def named(names: Sequence[str]) -> str:
    """The first few of many names, and how many there are more."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def require_both_classes(samples: Sequence[Sample]) -> None:
    """Raise InvalidImageSet when bona fide pictures or attacks are missing, or are too few to tell anything."""
    counts = Counter(sample.label for sample in samples)
    classes: dict[Label, str] = {"bona_fide": "bona fide (live)", "attack": "attack (spoof)"}
    for label, words in classes.items():
        found = counts[label]
        if found < LEAST_OF_A_CLASS:
            raise InvalidImageSet(
                f"{found or 'no'} {words} pictures: at least {LEAST_OF_A_CLASS} are needed, some hundreds are useful; "
                "add them, or check the labels"
            )
