"""The story of one picture: decode → detect → crop → score."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import cv2

from frontend.calibration import OPERATING_POINT, Calibration
from frontend.decoding import ImageLimits
from frontend.errors import Abandoned
from frontend.preparation import Preparer
from frontend.quality import Examination
from frontend.reasons import ALWAYS_REFUSED, QualityLimits, Reason, reasons_of
from frontend.scoring import TritonScorer
from frontend.timing import StageClock
from frontend.warm_threads import WarmThreads

Prepared = TypeVar("Prepared")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Least score of a face (`face`) and least P(live) of a live person (`live`)."""

    face: float
    live: float


@dataclass(frozen=True, slots=True)
class QualityRules:
    """Where a measure becomes a reason, and which reasons make `is_live` false whatever the score."""

    limits: QualityLimits
    refusing: frozenset[Reason]


@dataclass(frozen=True, slots=True)
class Details:
    """What was measured of a picture, and why it is not fit for a verdict, the gravest reason first."""

    examination: Examination
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: `liveness_score` is P(live) to six decimals, 0.0 where there is no face to judge.

    `raw_score` is what the model said, whatever calibration made of it; None where there was no face to ask it about.
    `refused_for` is the reason that made `is_live` false whatever the score of the face that was found. `details` are
    there when they were asked for; they say where a face is, so they are left out of what a log would show.
    """

    is_live: bool
    liveness_score: float
    face_found: bool
    raw_score: float | None
    refused_for: Reason | None = None
    details: Details | None = field(default=None, repr=False)


class Pipeline:
    """Judges pictures, on `threads` for the work of the CPU and on Triton for the network; it closes both.

    Raises StartRefused when the face detector cannot be loaded.
    """

    def __init__(
        self,
        *,
        scorer: TritonScorer,
        limits: ImageLimits,
        thresholds: Thresholds,
        quality: QualityRules,
        calibration: Calibration,
        threads: WarmThreads,
    ) -> None:
        cv2.setNumThreads(1)  # the pool shares out the cores; OpenCV's own threads would fight over them
        self._scorer = scorer
        self._thresholds = thresholds
        self._quality = quality
        self._examines_all = quality.refusing > ALWAYS_REFUSED
        self._calibration = calibration
        self._preparer = Preparer(limits, thresholds.face)
        self._threads = threads

    async def close(self) -> None:
        """Finish what is running and let go of threads and connections."""
        await self._threads.close()
        self._scorer.close()

    async def probe(self) -> None:
        """Try a real inference; raises ScoringFailed."""
        await self._scorer.probe()

    def triton_servers(self) -> Mapping[str, str]:
        """Address of each Triton → "ok", or why it is left out at the moment."""
        return self._scorer.servers()

    async def judge(
        self,
        data: bytes,
        clock: StageClock,
        key_name: str | None = None,
        *,
        with_details: bool = False,
        gone: Callable[[], bool] = lambda: False,
    ) -> Verdict:
        """Judge the largest face in a PNG or JPEG file, as the key of this name is to be answered.

        A picture without a face fails closed: not live, score 0.0. The picture is examined only where the details are
        asked for or an operator's refusal needs them. Once the caller is `gone` no stage is begun any more.

        Raises InvalidImage, ScoringFailed, Abandoned.
        """
        details = None
        if with_details or self._examines_all:
            crop, examination = await self._prepare(self._preparer.examined_crop_of, data, clock, gone)
            details = self._details(examination)
        else:
            crop = await self._prepare(self._preparer.crop_of, data, clock, gone)
        if gone():
            raise Abandoned("the caller went away while its picture was prepared")
        shown = details if with_details else None
        if crop is None:
            return Verdict(is_live=False, liveness_score=0.0, face_found=False, raw_score=None, details=shown)
        raw_score = round(await self._scorer.score(crop), 6)
        clock.lap("score")
        score, threshold = self._calibrated(raw_score, key_name)
        refused_for = self._refusal(details)
        is_live = score >= threshold and refused_for is None
        return Verdict(is_live, score, face_found=True, raw_score=raw_score, refused_for=refused_for, details=shown)

    def _calibrated(self, raw_score: float, key_name: str | None) -> tuple[float, float]:
        """The score that is answered, and the least one of a live person."""
        score_map = self._calibration.map_for(key_name)
        if score_map is None:
            return raw_score, self._thresholds.live
        return score_map.score(raw_score), OPERATING_POINT

    async def examine(self, data: bytes, clock: StageClock) -> Details:
        """Find and measure the faces in a PNG or JPEG file, without a verdict; raises InvalidImage."""
        return self._details(await self._prepare(self._preparer.examination_of, data, clock, lambda: False))

    def _details(self, examination: Examination) -> Details:
        return Details(examination, reasons_of(examination, self._quality.limits))

    def _refusal(self, details: Details | None) -> Reason | None:
        reasons = details.reasons if details else ()
        return next((reason for reason in reasons if reason in self._quality.refusing), None)

    async def _prepare(
        self,
        prepare: Callable[[bytes, StageClock], Prepared],
        data: bytes,
        clock: StageClock,
        gone: Callable[[], bool],
    ) -> Prepared:
        def on_a_thread() -> Prepared:
            clock.lap("wait")
            if gone():
                raise Abandoned("the caller went away while its picture waited for a thread")
            return prepare(data, clock)

        prepared = await self._threads.run(on_a_thread)
        clock.lap("wait")
        return prepared
