"""Which images are trained on, and which are held back: whole subjects, never single images."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

from frontend.evaluation.samples import Sample
from training.errors import TrainingRefused
from training.manifest import is_live

_HELD_BACK = {"devel", "dev", "val", "valid", "validation", "test"}
_BLOCK = 25
"""Images of unknown subjects are held together in runs of this many: frames of one video stand side by side."""


def is_held_back(images: Sequence[Sample], share: float, seed: int) -> list[bool]:
    """For each image whether it is kept for validation.

    A source that brings a split of its own keeps it. Of any other, about `share` of the images is held back, by whole
    subjects; where no subject is named, by runs of neighbours in the order of their names.

    Raises TrainingRefused when a subject is on both sides.
    """
    groups = subjects_of(images)
    sources = defaultdict(set)
    for image in images:
        sources[image.source].add(image.split.lower() in _HELD_BACK)
    held = [image.split.lower() in _HELD_BACK if sources[image.source] == {False, True} else False for image in images]
    for source in (source for source, sides in sorted(sources.items()) if len(sides) == 1):
        chosen = _chosen([i for i, image in enumerate(images) if image.source == source], groups, images, share, seed)
        for i in chosen:
            held[i] = True
    sides = defaultdict(set)
    for group, side in zip(groups, held, strict=True):
        sides[group].add(side)
    if torn := sorted(group for group, both in sides.items() if len(both) == 2):
        raise TrainingRefused(f"the manifest's splits share subjects: {', '.join(torn[:5])}")
    return held


def subjects_of(images: Sequence[Sample]) -> list[str]:
    """A name for the group of images that must stay together, for each image."""
    groups = [f"{image.source}/{image.subject}" for image in images]
    unknown = [i for i, image in enumerate(images) if not image.subject]
    unknown.sort(key=lambda i: (images[i].source, is_live(images[i]), images[i].split, _natural(images[i].path.name)))
    for key, run in groupby(unknown, key=lambda i: (images[i].source, is_live(images[i]), images[i].split)):
        for place, i in enumerate(run):
            groups[i] = f"{key[0]}/{'live' if key[1] else 'spoof'}/{key[2]}/{place // _BLOCK}"
    return groups


def _chosen(places: list[int], groups: list[str], images: Sequence[Sample], share: float, seed: int) -> list[int]:
    """Of these images, whole groups until both classes have `share`, in an order that only the seed decides."""
    members = defaultdict(list)
    for i in places:
        members[groups[i]].append(i)
    order = sorted(members, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).digest())
    wanted = {label: share * sum(is_live(images[i]) == label for i in places) for label in (False, True)}
    chosen: list[int] = []
    for group in order:
        have = {label: sum(is_live(images[i]) == label for i in chosen) for label in wanted}
        if any(have[is_live(images[i])] + 0.5 < wanted[is_live(images[i])] for i in members[group]):
            chosen += members[group]
    return chosen


def _natural(name: str) -> list[tuple[int, int, str]]:
    """A key under which `2.jpg` stands before `10.jpg`."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", name)]
