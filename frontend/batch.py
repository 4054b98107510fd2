"""Several pictures of one customer, judged side by side."""

import asyncio
from collections.abc import Callable, Sequence

import anyio

from frontend.admission import Admission
from frontend.errors import Interrupted, LivenessError
from frontend.pipeline import Verdict
from frontend.service import Case, LivenessService
from frontend.timing import StageClock

Outcome = Verdict | LivenessError


class BatchJudge:
    """Judges each picture of a batch as if it had come alone, at most `lanes` pictures of all batches at once.

    They are counted one after the other once all are judged: of a batch that nobody waits for any more, none.
    With no more lanes than there are threads for the work of the CPU, a picture that comes alone finds only as many of
    a batch's pictures before it as are being worked on, however long the batch is; and the batches take turns, picture
    by picture. Of batches themselves `max_batches` are taken on at once, and a quarter as many wait for up to `wait_s`.
    """

    def __init__(self, service: LivenessService, *, lanes: int, max_batches: int, wait_s: float) -> None:
        self._service = service
        self._batches = Admission(max_batches, wait_s)
        self._lanes = anyio.Semaphore(lanes)
        self._workers = lanes

    async def judge(
        self, hash_id: object, selfie_images: Sequence[object], *, request_id: str, gone: Callable[[], bool]
    ) -> list[Outcome]:
        """A verdict, or the error that took its place, for each picture in order; each verdict is counted.

        The picture at index i is known to observers as `request_id`/i. Raises Overloaded when no place for a batch
        becomes free in time, and Interrupted when the service stops before they are counted: then none was. One that is
        reached by the end of the stop while it is counted has Interrupted in its own place.
        """
        cases: dict[int, Case | LivenessError] = {}
        pictures = iter(enumerate(selfie_images))

        async def work() -> None:
            for index, picture in pictures:
                async with self._lanes:
                    cases[index] = await self._case(hash_id, picture, f"{request_id}/{index}", gone)

        key = hash_id if isinstance(hash_id, str) else None
        async with self._batches.permit(key):
            try:
                async with anyio.create_task_group() as workers:
                    for _ in range(min(self._workers, len(selfie_images))):
                        workers.start_soon(work)
                return [await self._outcome(cases.pop(index), gone) for index in range(len(selfie_images))]
            except asyncio.CancelledError:  # by uvicorn, at the deadline of a stop
                interrupted = Interrupted("the service stopped before all pictures were judged")
                for case in cases.values():
                    if isinstance(case, Case):
                        self._service.drop(case, interrupted)
                raise interrupted from None

    async def _case(
        self, hash_id: object, picture: object, request_id: str, gone: Callable[[], bool]
    ) -> Case | LivenessError:
        try:
            return await self._service.assess(hash_id, picture, request_id=request_id, gone=gone, clock=StageClock())
        except LivenessError as error:
            return error

    async def _outcome(self, case: Case | LivenessError, gone: Callable[[], bool]) -> Outcome:
        if isinstance(case, LivenessError):
            return case
        case.clock.lap("batch")
        try:
            return await self._service.count(case, gone)
        except LivenessError as error:
            return error
