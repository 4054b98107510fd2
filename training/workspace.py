"""The folder that the steps of a training share: what each leaves there, and what the next one needs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from frontend.evaluation.samples import Sample
from training.errors import TrainingRefused
from training.manifest import is_live, require_classes, write_manifest
from training.regions import Region, load_regions, save_regions
from training.train import People


@dataclass(frozen=True, slots=True)
class Faces:
    """The images in which a face was found: region, source, live or not, and whether it is held back."""

    regions: list[Region]
    sources: list[str]
    is_live: list[bool]
    is_held_back: list[bool]

    @property
    def people(self) -> People:
        """What the training asks of them."""
        return People(self.sources, np.asarray(self.is_live))

    def places(self, *, held_back: bool) -> list[int]:
        """Where those of one side stand."""
        return [i for i, side in enumerate(self.is_held_back) if side == held_back]


class Workspace:
    """Paths in `folder`, and the faces of the manifest."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, name: str, made_by: str) -> Path:
        """A file that an earlier step left; TrainingRefused says which step is to be run."""
        path = self._folder / name
        if not path.exists():
            raise TrainingRefused(f"{path} is missing: run the step `{made_by}` first")
        return path

    def new(self, name: str) -> Path:
        """Where to write a file."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def save_faces(
        self, samples: Sequence[Sample], regions: Sequence[Region | None], held_back: Sequence[bool]
    ) -> dict[str, int]:
        """Keep those with a face; returns how many there are on each side, and how many have none.

        What is held back is also listed in `held-back.csv`, without a face or not: a manifest for `liveness evaluate`.
        Views of earlier regions are removed. Raises TrainingRefused when a side lacks a class.
        """
        kept = [i for i, region in enumerate(regions) if region is not None]
        for held in (False, True):
            require_classes([is_live(samples[i]) for i in kept if held_back[i] == held], is_held_back=held)
        self.new("views.npz").unlink(missing_ok=True)
        sides = {
            "sources": [samples[i].source for i in kept],
            "is_live": [is_live(samples[i]) for i in kept],
            "is_held_back": [held_back[i] for i in kept],
        }
        save_regions(self.new("regions.npy"), [region for region in regions if region is not None])
        write_manifest(
            self.new("held-back.csv"), [sample for sample, held in zip(samples, held_back, strict=True) if held]
        )
        self.new("faces.json").write_text(json.dumps(sides))
        number = sum(held_back[i] for i in kept)
        return {"training": len(kept) - number, "held back": number, "without a face": len(samples) - len(kept)}

    def faces(self) -> Faces:
        """What `save_faces` kept."""
        sides = json.loads(self.file("faces.json", "regions").read_text())
        regions = load_regions(self.file("regions.npy", "regions"))
        return Faces(regions=regions, **sides)

    def write_json(self, name: str, value: object) -> Path:
        """Write one of the reports."""
        path = self.new(name)
        path.write_text(json.dumps(value, indent=1, default=asdict) + "\n")
        return path
