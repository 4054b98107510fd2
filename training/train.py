"""Fine-tunes the network on views; can be stopped at any time and goes on from the last finished epoch."""

import copy
import csv
import hashlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from frontend.crops import CROP_SCALE, cut, window_around
from frontend.images import RgbImage
from training.errors import TrainingRefused
from training.network import LivenessNetwork
from training.sampling import draw, sampling_weights
from training.targets import SYNTHETIC, Calibration, Shares, fit_calibration, public_mean, targets_of
from training.views import SIDE_PIXELS, Views


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that decides the result beside the views. `window_scale` is in sides of BlazeFace's box.

    `left_out` are kinds of views that are not learned from.
    """

    seed: int = 1
    epochs: int = 12
    batch: int = 48
    learning_rate: float = 1.5e-4
    weight_decay: float = 1e-4
    warmup_steps: int = 60
    ema_decay: float = 0.995
    window_scale: float = CROP_SCALE
    frozen_blocks: int = 5
    left_out: tuple[str, ...] = ()
    shares: Shares = field(default_factory=lambda: Shares(label=0.3, two_crop=0.5, public=0.2))


@dataclass(frozen=True, slots=True)
class People:
    """Of every image of the manifest: its source, and whether it is live."""

    sources: Sequence[str]
    is_live: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned from: `early` [n, 2, c, h, w] float16, of each view's crop and of its mirror image.

    `target` and `weight` [n]: what to say of it, and how often to show it.
    """

    early: NDArray[np.float16]
    target: NDArray[np.float32]
    weight: NDArray[np.float64]


def train(network: LivenessNetwork, lesson: Lesson, recipe: Recipe, folder: Path) -> LivenessNetwork:
    """The averaged network after all epochs.

    In `folder` are kept `checkpoint.pt` (the state after the last finished epoch) and `log.csv` (a line an epoch).
    Raises TrainingRefused when the checkpoint there is of another training.
    """
    begun_with = _digest(network, lesson, recipe)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe.seed)
    network.to(device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(network)
    learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, recipe.learning_rate, weight_decay=recipe.weight_decay)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    steps = recipe.epochs * math.ceil(len(lesson.target) / recipe.batch)
    done, step = 0, 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        if state.get("begun_with") != begun_with:
            raise TrainingRefused(
                f"{checkpoint} was begun with another recipe, start, views or number of threads: "
                "give the run another name, or remove that file"
            )
        network.load_state_dict(state["network"])
        averaged.load_state_dict(state["averaged"])
        optimizer.load_state_dict(state["optimizer"])
        done, step = state["epoch"], state["step"]
    for epoch in range(done, recipe.epochs):
        started = time.monotonic()
        losses = []
        for early, target in batches(lesson, recipe, epoch):
            for group in optimizer.param_groups:
                group["lr"] = recipe.learning_rate * rate(step, steps, recipe.warmup_steps)
            x = torch.from_numpy(early).to(device, torch.float32, memory_format=torch.channels_last)
            loss = nn.functional.binary_cross_entropy_with_logits(network.late(x), torch.from_numpy(target).to(device))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learned, 5.0)
            optimizer.step()
            step += 1
            _follow(averaged, network, min(recipe.ema_decay, step / (step + 10)))
            losses.append(loss.detach())
        state = {"network": network.state_dict(), "averaged": averaged.state_dict()}
        state |= {"optimizer": optimizer.state_dict(), "epoch": epoch + 1, "step": step, "begun_with": begun_with}
        torch.save(state, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").replace(checkpoint)
        _log(folder / "log.csv", epoch + 1, step, losses, time.monotonic() - started)
    averaged.cpu()
    return averaged


def lesson_of(network: LivenessNetwork, views: Views, people: People, recipe: Recipe) -> Lesson:
    """What the recipe learns from these views."""
    views = views.without(recipe.left_out)
    return lesson_from(early_of(network, views, recipe), views, people, recipe)


def early_of(network: LivenessNetwork, views: Views, recipe: Recipe) -> NDArray[np.float16]:
    """Cut the crops, and run the frozen blocks over them and their mirror images once: [n, 2, c, h, w]."""
    random = np.random.default_rng(recipe.seed)
    early: list[NDArray[np.float16]] = []
    for first in range(0, len(views.image), recipe.batch):
        chosen = range(first, min(first + recipe.batch, len(views.image)))
        crops = np.stack([_crop(views, i, recipe.window_scale, random) for i in chosen])
        both = torch.from_numpy(np.concatenate([crops, crops[:, :, ::-1]])).permute(0, 3, 1, 2)
        out = network.early(both.float()).half().numpy()
        early.append(np.stack([out[: len(crops)], out[len(crops) :]], axis=1))
    return np.concatenate(early)


def lesson_from(early: NDArray[np.float16], views: Views, people: People, recipe: Recipe) -> Lesson:
    """What is to be said of these views, and how often each is shown; `early` [n, 2, c, h, w] is of the same views."""
    return Lesson(
        early=early,
        target=targets_of(views, people.is_live, recipe.shares, public_calibration(views, people)).astype(np.float32),
        weight=sampling_weights([people.sources[i] for i in views.image], people.is_live[views.image].tolist()),
    )


def batches(lesson: Lesson, recipe: Recipe, epoch: int) -> Iterator[tuple[NDArray[np.float16], NDArray[np.float32]]]:
    """One epoch, [b, c, h, w] and [b]; the same whenever it is asked for."""
    random = np.random.default_rng([recipe.seed, epoch])
    order = draw(lesson.weight, len(lesson.weight), random)
    for first in range(0, len(order), recipe.batch):
        chosen = order[first : first + recipe.batch]
        yield lesson.early[chosen, random.integers(0, 2, len(chosen))], lesson.target[chosen]


def public_calibration(views: Views, people: People) -> Calibration:
    """Of the public networks' mean, on the views that show one image alone and no synthetic attack."""
    plain = (views.mate < 0) & ~np.isin(views.kind, SYNTHETIC)
    return fit_calibration(public_mean(views)[plain], people.is_live[views.image[plain]])


def rate(step: int, steps: int, warmup: int) -> float:
    """The share of the learning rate at a step: up in a line, then down along a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1, steps - warmup))))


def _crop(views: Views, i: int, scale: float, random: np.random.Generator) -> RgbImage:
    """The network's window of a view, with a detector's errors: a little larger or smaller, and beside the face."""
    box = views.box(i)
    size = max(box.width, box.height)
    across, down = random.uniform(-0.06, 0.06, 2) * size
    moved = replace(box, left=box.left + across, top=box.top + down)
    return cut(
        views.pixels[i], window_around(moved, scale * 2 ** random.uniform(-0.15, 0.15), SIDE_PIXELS, SIDE_PIXELS)
    )


def _follow(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the average of the weights towards the network (Polyak and Juditsky, 1992)."""
    with torch.no_grad():
        for mean, now in zip(averaged.parameters(), network.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)


def _digest(network: nn.Module, lesson: Lesson, recipe: Recipe) -> str:
    """What tells one training from every other: the SHA-256 of all that goes into it."""
    digest = hashlib.sha256(repr(recipe).encode())
    for array in (lesson.early, lesson.target, lesson.weight, *(v.numpy() for v in network.state_dict().values())):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _log(file: Path, epoch: int, step: int, losses: Sequence[Tensor], seconds: float) -> None:
    is_new = not file.exists()
    with file.open("a", newline="") as stream:
        writer = csv.writer(stream)
        if is_new:
            writer.writerow(["epoch", "step", "loss", "seconds"])
        writer.writerow([epoch, step, f"{float(torch.stack(list(losses)).mean()):.5f}", f"{seconds:.1f}"])
