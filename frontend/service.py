"""What a customer is served: a verdict for a hash_id, counted if and only if there is one."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone

from frontend.admission import Admission
from frontend.data_uri import image_bytes
from frontend.errors import Abandoned, BodyTooLarge, Interrupted, InvalidCredentials, LimitReached, LivenessError
from frontend.keys.recent import RecentKeys
from frontend.keys.store import KeyRecord, digest_of
from frontend.observation import Observation, Observer
from frontend.pipeline import Pipeline, Verdict
from frontend.timing import StageClock

MAX_HASH_ID_CHARACTERS = 1024
"""Longer ones are nobody's and need no digest, which takes long for the millions that anybody may send."""


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(slots=True)
class Case:
    """One picture on its way; `verdict` is there once it is judged, and is nobody's before it is counted."""

    request_id: str
    clock: StageClock
    received_at: datetime = field(default_factory=_now)
    digest: bytes = b""
    key: KeyRecord | None = None
    verdict: Verdict | None = None


class LivenessService:
    """Admission, authentication, judgement and accounting, in this order; `observers` are told how each ended.

    A picture of more than `max_image_characters` is refused, as it would be by the limit on bodies if it came alone.
    """

    def __init__(
        self,
        *,
        keys: RecentKeys,
        pipeline: Pipeline,
        admission: Admission,
        max_image_characters: int,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._keys = keys
        self._pipeline = pipeline
        self._admission = admission
        self._max_image_characters = max_image_characters
        self._observers = observers

    async def judge(
        self,
        hash_id: object,
        selfie_image: object,
        *,
        request_id: str,
        with_details: bool = False,
        gone: Callable[[], bool],
        clock: StageClock,
    ) -> Verdict:
        """Judge one picture for the key with this hash_id; both are as they came, of any type.

        The request is counted last, once the verdict exists and unless the caller is `gone`, so what fails or is
        abandoned on the way costs nothing, and of more requests at once than the limit allows, those past it get
        LimitReached in place of the verdict.

        Raises InvalidCredentials, LimitReached, ImageMissing, InvalidImage, Overloaded, ScoringFailed,
        KeyStoreUnavailable, Abandoned, Interrupted.
        """
        case = Case(request_id, clock)
        with self._errors_told(case):
            case.digest = _digest_of(hash_id)
            async with self._admission.permit(case.digest):  # the keys' home too is asked by no more than these at once
                await self._assess(case, selfie_image, gone, with_details=with_details)
                return await self._count(case, gone)

    async def assess(
        self, hash_id: object, selfie_image: object, *, request_id: str, gone: Callable[[], bool], clock: StageClock
    ) -> Case:
        """As `judge`, and BodyTooLarge, but nothing is counted: the verdict is for nobody until `count` gives it.

        Who calls this ends each case by `count` or `drop`.
        """
        case = Case(request_id, clock)
        with self._errors_told(case):
            if gone():
                raise Abandoned("the caller went away before its turn came")
            case.digest = _digest_of(hash_id)
            async with self._admission.permit(case.digest):
                await self._assess(case, selfie_image, gone, with_details=False)
        return case

    async def count(self, case: Case, gone: Callable[[], bool]) -> Verdict:
        """The verdict of a case that was assessed, counted.

        Raises LimitReached, InvalidCredentials, KeyStoreUnavailable, Abandoned, Interrupted.
        """
        with self._errors_told(case):
            return await self._count(case, gone)

    def drop(self, case: Case, error: LivenessError) -> None:
        """Let nothing come of a case that was assessed."""
        self._tell(case, error)

    async def _assess(self, case: Case, selfie_image: object, gone: Callable[[], bool], *, with_details: bool) -> None:
        case.clock.lap("admit")
        if gone():
            raise Abandoned("the caller went away while it waited")
        case.key = await self._keys.authenticate(case.digest, case.received_at)
        case.clock.lap("authenticate")
        if isinstance(selfie_image, str) and len(selfie_image) > self._max_image_characters:
            raise BodyTooLarge("one picture of a batch")
        case.verdict = await self._pipeline.judge(
            image_bytes(selfie_image), case.clock, case.key.name, with_details=with_details, gone=gone
        )

    async def _count(self, case: Case, gone: Callable[[], bool]) -> Verdict:
        if case.verdict is None:
            raise ValueError("a case is counted after it was assessed")
        if gone():
            raise Abandoned("the caller went away")
        await self._keys.consume(case.digest, _now())
        case.clock.lap("count")
        self._tell(case, case.verdict)
        return case.verdict

    @contextmanager
    def _errors_told(self, case: Case) -> Iterator[None]:
        """Tell the observers of an error that ends the case."""
        try:
            yield
        except LivenessError as error:
            self._tell(case, error)
            raise
        except asyncio.CancelledError:  # by uvicorn, at the deadline of a stop
            interrupted = Interrupted("the service stopped before there was a verdict")
            self._tell(case, interrupted)
            raise interrupted from None

    def _tell(self, case: Case, outcome: Verdict | LivenessError) -> None:
        name, used_ratio = None, None
        if case.key:
            name = case.key.name
            if case.key.limit and isinstance(outcome, Verdict):
                used_ratio = (case.key.used + 1) / case.key.limit
        elif isinstance(outcome, LimitReached):
            name = outcome.key_name
        observation = Observation(
            case.request_id, case.received_at, name, outcome, case.clock.stages_s, case.clock.elapsed_s(), used_ratio
        )
        for observe in self._observers:
            observe(observation)


def _digest_of(hash_id: object) -> bytes:
    if not isinstance(hash_id, str) or len(hash_id) > MAX_HASH_ID_CHARACTERS:
        raise InvalidCredentials("hash_id is absent, no string or too long")
    return digest_of(hash_id)
