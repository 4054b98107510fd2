"""The model in a repository of its own, under another configuration."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from benchmarks.lib.command import Unable
from frontend.model_config import with_instances

BATCHING = ("off", "on", "delay")


@dataclass(frozen=True, slots=True)
class Variant:
    """How the model is served. `batching`: off, on (whatever waits), or delay (wait a millisecond for more)."""

    instances: int
    threads: int
    batching: str

    def __str__(self) -> str:
        return f"{self.instances} × {self.threads}, batching {self.batching}"


def write_variant(variant: Variant, model: Path, folder: Path) -> Path:
    """Copy the model's directory below `folder` with the variant's configuration; returns the new repository."""
    repository = folder / "models"
    copy = repository / model.name
    shutil.copytree(model, copy)
    config = copy / "config.pbtxt"
    text = with_instances(config.read_text(), variant.instances, variant.threads)
    config.write_text(_with_batching(text, variant.batching))
    return repository


def _with_batching(config: str, batching: str) -> str:
    match = re.search(r"^dynamic_batching\s*\{", config, re.MULTILINE)
    if match is None or batching not in BATCHING:
        raise Unable(f"batching is one of {', '.join(BATCHING)}, and config.pbtxt must set dynamic_batching")
    if batching == "on":
        return config
    if batching == "delay":
        return f"{config[: match.end()]}\n  max_queue_delay_microseconds: 1000{config[match.end() :]}"
    depth, at = 1, match.end()
    while depth:
        depth += {"{": 1, "}": -1}.get(config[at], 0)
        at += 1
    return config[: match.start()] + config[at:]
