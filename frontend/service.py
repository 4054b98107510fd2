"""What a customer is served: a verdict for a hash_id, counted if and only if there is one."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from frontend.admission import Admission
from frontend.data_uri import image_bytes
from frontend.errors import Abandoned, Interrupted, InvalidCredentials, LivenessError
from frontend.keys.recent import RecentKeys
from frontend.keys.store import digest_of
from frontend.observation import Observation, Observer
from frontend.pipeline import Pipeline, Verdict
from frontend.timing import StageClock


class LivenessService:
    """Admission, authentication, judgement and accounting, in this order; `observers` are told how each ended."""

    def __init__(
        self, *, keys: RecentKeys, pipeline: Pipeline, admission: Admission, observers: Sequence[Observer] = ()
    ) -> None:
        self._keys = keys
        self._pipeline = pipeline
        self._admission = admission
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
        received_at = _now()
        key_name: str | None = None
        key_used_ratio: float | None = None
        outcome: Verdict | LivenessError | None = None
        try:
            if not isinstance(hash_id, str):
                raise InvalidCredentials("hash_id is absent or no string")
            digest = digest_of(hash_id)
            async with self._admission.permit(digest):  # the keys' home too is asked by no more than these at once
                clock.lap("admit")
                if gone():
                    raise Abandoned("the caller went away while it waited")
                key = await self._keys.authenticate(digest, received_at)
                key_name = key.name
                clock.lap("authenticate")
                verdict = await self._pipeline.judge(
                    image_bytes(selfie_image), clock, key_name, with_details=with_details, gone=gone
                )
                if gone():
                    raise Abandoned("the caller went away")
                await self._keys.consume(digest, _now())
                clock.lap("count")
                if key.limit:
                    key_used_ratio = (key.used + 1) / key.limit
            outcome = verdict
        except LivenessError as error:
            outcome = error
            raise
        except asyncio.CancelledError:  # by uvicorn, at the deadline of a stop
            outcome = Interrupted("the service stopped before there was a verdict")
            raise outcome from None
        finally:
            if outcome is not None:
                observation = Observation(
                    request_id, received_at, key_name, outcome, clock.stages_s, clock.elapsed_s(), key_used_ratio
                )
                for observe in self._observers:
                    observe(observation)
        return verdict


def _now() -> datetime:
    return datetime.now(timezone.utc)
