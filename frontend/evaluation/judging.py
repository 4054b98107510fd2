"""Labelled pictures → verdicts, by the pipeline that serves."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from frontend.errors import InvalidImage, InvalidImageSet
from frontend.evaluation.metrics import Array
from frontend.evaluation.samples import Sample, named
from frontend.pipeline import Pipeline, Verdict
from frontend.timing import StageClock


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled picture and what was said of it."""

    sample: Sample
    verdict: Verdict

    @property
    def has_response(self) -> bool:
        """Whether the score decided: not where no face was found, or the picture was refused for its quality."""
        return self.verdict.face_found and self.verdict.refused_for is None


async def judge_all(
    pipeline: Pipeline,
    samples: Sequence[Sample],
    *,
    key_name: str | None,
    concurrency: int,
    advance: Callable[[], None],
) -> list[Judged]:
    """Judge all, `concurrency` at a time, in their order, as the key of this name would be answered.

    `advance` is called after each. Raises InvalidImageSet, which names the unreadable ones, once all were tried;
    ScoringFailed when the model does not answer.
    """
    permits = asyncio.Semaphore(concurrency)
    unreadable: list[str] = []

    async def one(sample: Sample) -> Judged | None:
        async with permits:
            try:
                data = await asyncio.to_thread(sample.path.read_bytes)
                return Judged(sample, await pipeline.judge(data, StageClock(), key_name))
            except (OSError, InvalidImage) as error:
                unreadable.append(f"{sample.name} ({error.strerror if isinstance(error, OSError) else error})")
                return None
            finally:
                advance()

    tasks = [asyncio.create_task(one(sample)) for sample in samples]
    try:
        judged = await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
    if unreadable:
        raise InvalidImageSet(
            f"unreadable: {named(sorted(unreadable))}; the service would refuse them too: mend or remove them"
        )
    return [one for one in judged if one is not None]


def scores_of(judged: Iterable[Judged]) -> Array:
    """The answered scores [n] float64."""
    return np.array([one.verdict.liveness_score for one in judged], np.float64)


def by(judged: Sequence[Judged], key: Callable[[Sample], str]) -> dict[str, list[Judged]]:
    """The judged by what `key` says of them, in alphabetical order; those of which it says nothing are left out."""
    names = sorted({key(one.sample) for one in judged} - {""})
    return {name: [one for one in judged if key(one.sample) == name] for name in names}


def by_attack_type(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """The attacks by their type."""
    return by(judged, lambda sample: sample.attack_type)
