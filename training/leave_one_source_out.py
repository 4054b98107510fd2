"""An estimate of a new camera: for each source, a network that has learned nothing from it, judged on it.

Each begins from ImageNet weights. The two-crop model has no say in what it learns, for that model may have learned from
the source; the public networks have, calibrated without it. What those learned from is not known here.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from frontend.crops import crop_face
from frontend.evaluation.metrics import Array
from training.errors import TrainingRefused
from training.network import LivenessNetwork
from training.regions import Region
from training.start import load_imagenet_weights
from training.train import People, Recipe, early_of, lesson_from, train
from training.unseen import UnseenSource, figures_of, judged_places, shows_nothing_of, sources_to_judge
from training.views import Views

_BATCH = 64


@dataclass(frozen=True, slots=True)
class Images:
    """All images of the manifest, [n] each: those that are held back lend a class to a source that has one only."""

    regions: Sequence[Region]
    people: People
    is_held_back: Sequence[bool]


def leave_one_source_out(images: Images, views: Views, recipe: Recipe, folder: Path) -> Iterator[UnseenSource]:
    """A row for each source with enough images, in alphabetical order.

    Each is kept in `folder` once it is there, and an interrupted table goes on where it was stopped. Raises
    TrainingRefused when the folder is of another recipe or other views.
    """
    sources, is_live = images.people.sources, images.people.is_live
    judged = {
        source: judged_places(source, sources, is_live, images.is_held_back)
        for source in sources_to_judge(views, sources, is_live)
    }
    rows = _Rows(folder / "rows.json", recipe, views)
    early: NDArray[np.float16] | None = None
    for number, (source, (live, attacks)) in enumerate(judged.items()):
        if source not in rows.done:
            if early is None:
                early = early_of(_started(recipe), views, recipe)
            kept = shows_nothing_of(source, views, sources)
            lesson = lesson_from(early[kept], views.only(kept), images.people, recipe)
            run = folder / f"source-{number}"
            network = train(_started(recipe), lesson, recipe, run)
            of_class = [(places, _logits(network, images.regions, places)) for places in (live, attacks)]
            rows.keep(figures_of(source, sources, *of_class))
            (run / "checkpoint.pt").unlink()
        yield rows.done[source]


class _Rows:
    """The finished rows, in a file that belongs to one recipe and one set of views."""

    def __init__(self, file: Path, recipe: Recipe, views: Views) -> None:
        self._file = file
        of_views = [len(views.image), float(views.logits.sum()), int(views.pixels[::97].sum(dtype=np.int64))]
        self._of = json.loads(json.dumps({"recipe": asdict(recipe), "views": of_views}))
        state = json.loads(file.read_text()) if file.exists() else self._of | {"rows": []}
        if {name: state[name] for name in self._of} != self._of:
            raise TrainingRefused(
                f"{file} was begun with another recipe or other views: give the run another name, or remove its folder"
            )
        self.done = {row["source"]: UnseenSource(**row) for row in state["rows"]}

    def keep(self, row: UnseenSource) -> None:
        """Write them with one more, or nothing."""
        self.done[row.source] = row
        part = self._file.with_suffix(".part")
        state = self._of | {"rows": [asdict(one) for one in self.done.values()]}
        part.write_text(json.dumps(state, indent=1) + "\n")
        part.replace(self._file)


def _started(recipe: Recipe) -> LivenessNetwork:
    network = LivenessNetwork(recipe.frozen_blocks)
    load_imagenet_weights(network)
    return network


def _logits(network: LivenessNetwork, regions: Sequence[Region], places: Sequence[int]) -> Array:
    """[n]: of the images at these places, as they are."""
    network.eval()
    found = []
    with torch.no_grad():
        for first in range(0, len(places), _BATCH):
            faces = [regions[i] for i in places[first : first + _BATCH]]
            crops = np.stack([crop_face(face.pixels, face.box) for face in faces])
            found.append(network(torch.from_numpy(crops).permute(0, 3, 1, 2).float()).numpy())
    return np.asarray(np.concatenate(found), np.float64)
