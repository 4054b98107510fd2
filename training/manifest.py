"""The labelled images that are trained on."""

import csv
from collections.abc import Collection, Sequence
from pathlib import Path

from frontend.evaluation.manifest import OPTIONAL, REQUIRED
from frontend.evaluation.samples import Sample
from training.errors import TrainingRefused


def write_manifest(file: Path, faces: Sequence[Sample]) -> None:
    """List them for `liveness evaluate`, with their full paths, or write nothing."""
    part = file.with_suffix(".part")
    with part.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*REQUIRED, *OPTIONAL])
        for face in faces:
            writer.writerow([face.path.absolute(), face.label, *(getattr(face, column) for column in OPTIONAL)])
    part.replace(file)


def is_live(sample: Sample) -> bool:
    """Whether a living person was before the camera."""
    return sample.label == "bona_fide"


def require_classes(are_live: Collection[bool], *, is_held_back: bool) -> None:
    """Raise TrainingRefused when the images with a face on one side of the split are all of one class."""
    for label, words in ((True, "live image"), (False, "attack")):
        if label not in are_live:
            side = "is held back" if is_held_back else "is left to train on"
            raise TrainingRefused(
                f"no {words} in which a face was found {side}: add images, or name the subjects of those there are; "
                "`liveness evaluate` shows in which no face is found"
            )
