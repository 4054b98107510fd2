"""The story of one picture: decode → detect → crop → score."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import cv2

from frontend.crops import Crops
from frontend.decoding import ImageLimits
from frontend.preparation import Preparer
from frontend.scoring import TritonScorer
from frontend.timing import StageClock


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Least score of a face (`face`) and least P(live) of a live person (`live`)."""

    face: float
    live: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: `liveness_score` is P(live) to six decimals, 0.0 where there is no face to judge.

    `raw_score` is what the model said, whatever calibration made of it; None where there was no face to ask it about.
    """

    is_live: bool
    liveness_score: float
    face_found: bool
    raw_score: float | None


class Pipeline:
    """Judges pictures, on `threads` threads for the work of the CPU and on Triton for the network.

    Raises StartRefused when the face detector cannot be loaded.
    """

    def __init__(
        self,
        *,
        scorer: TritonScorer,
        network: Path,
        limits: ImageLimits,
        thresholds: Thresholds,
        threads: int,
    ) -> None:
        cv2.setNumThreads(1)  # the pool shares out the cores; OpenCV's own threads would fight over them
        self._scorer = scorer
        self._thresholds = thresholds
        self._preparers: SimpleQueue[Preparer] = SimpleQueue()
        for _ in range(threads):
            self._preparers.put(Preparer(network, limits, thresholds.face))
        self._pool = ThreadPoolExecutor(threads, "pipeline")

    async def close(self) -> None:
        """Finish what is running and let go of threads and connections."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        self._scorer.close()

    async def probe(self) -> None:
        """Try a real inference; raises ScoringFailed."""
        await self._scorer.probe()

    async def judge(self, data: bytes, clock: StageClock) -> Verdict:
        """Judge the largest face in a PNG or JPEG file; raises InvalidImage or ScoringFailed.

        A picture without a face fails closed: not live, score 0.0.
        """
        crops = await asyncio.get_running_loop().run_in_executor(self._pool, self._crops_of, data, clock)
        if crops is None:
            return Verdict(is_live=False, liveness_score=0.0, face_found=False, raw_score=None)
        score = round(await self._scorer.score(crops), 6)
        clock.lap("score")
        return Verdict(is_live=score >= self._thresholds.live, liveness_score=score, face_found=True, raw_score=score)

    def _crops_of(self, data: bytes, clock: StageClock) -> Crops | None:
        clock.lap("wait")
        preparer = self._preparers.get()
        try:
            return preparer.crops_of(data, clock)
        finally:
            self._preparers.put(preparer)
