"""Judging changed copies of pictures by the pipeline that serves."""

import asyncio
from collections.abc import Callable, Sequence

from frontend.decoding import ImageLimits, decode_image
from frontend.errors import InvalidImage
from frontend.evaluation.judging import Judged
from frontend.evaluation.robustness import Shift, changes, shift_of
from frontend.pipeline import Pipeline, Verdict
from frontend.timing import StageClock


async def shifts_of(
    pipeline: Pipeline,
    judged: Sequence[Judged],
    *,
    limits: ImageLimits,
    key_name: str | None,
    concurrency: int,
    advance: Callable[[], None],
) -> list[Shift]:
    """Make every change to each picture, judge what comes of it, and say by how much the scores moved.

    A copy that a change makes larger than the service takes counts as without a face, for it gets no verdict.
    `advance` is called after each picture. Raises ScoringFailed.
    """
    permits = asyncio.Semaphore(concurrency)

    async def one(before: Judged) -> list[Verdict]:
        async with permits:
            data = await asyncio.to_thread(before.sample.path.read_bytes)
            image = await asyncio.to_thread(decode_image, data, limits)
            verdicts = []
            for change in changes().values():
                changed = await asyncio.to_thread(change, image)
                try:
                    verdicts.append(await pipeline.judge(changed, StageClock(), key_name))
                except InvalidImage:
                    verdicts.append(Verdict(is_live=False, liveness_score=0.0, face_found=False, raw_score=None))
            advance()
            return verdicts

    after = await asyncio.gather(*map(one, judged))
    return [shift_of(name, judged, [v[i] for v in after]) for i, name in enumerate(changes())]
