"""The two ways to have a picture file judged: by a running service, or by the pipeline in this process."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import aiohttp
from pydantic import TypeAdapter, ValidationError

from frontend.app import make_pipeline
from frontend.embedded import temporary_triton
from frontend.errors import RequestRejected, ServiceUnavailable, StartRefused
from frontend.http_url import http_url
from frontend.pipeline import Pipeline
from frontend.routes.answers import REFUSALS, SUCCESS_MESSAGE, verdict_message
from frontend.schemas import ErrorAnswer, LivenessAnswer, MessageAnswer
from frontend.settings import Settings
from frontend.timing import StageClock


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one picture; `is_live` and `liveness_score` are None when it could not be judged."""

    path: Path
    is_live: Literal[0, 1] | None
    liveness_score: float | None
    reason: str


Judge = Callable[[Path], Awaitable[Outcome]]

_Answer = LivenessAnswer | ErrorAnswer | MessageAnswer
_ANSWERS: TypeAdapter[_Answer] = TypeAdapter(_Answer)


@asynccontextmanager
async def service_judge(settings: Settings, url: str, hash_id: str) -> AsyncIterator[Judge]:
    """Judge by POST /liveness; by default at this machine's own address, with the demo key. Raises StartRefused."""
    url = url.rstrip("/") or http_url(settings.host, settings.port)
    if not url.lower().startswith(("http://", "https://")):
        raise StartRefused(f"--url {url} does not begin with http:// or https://")
    hash_id = hash_id or _demo_hash_id(settings)

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:

        async def judge(path: Path) -> Outcome:
            try:
                image = base64.b64encode(await asyncio.to_thread(path.read_bytes)).decode()
                request = {"hash_id": hash_id, "selfie_image": image}
                async with session.post(f"{url}/liveness", json=request) as response:
                    answer = _ANSWERS.validate_json(await response.read())
            except ValidationError:
                return Outcome(path, None, None, f"{response.status} from {url}, and no answer of this service")
            except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
                return Outcome(path, None, None, f"no answer from {url}: {type(error).__name__}")
            except OSError as error:
                return Outcome(path, None, None, str(error))
            if not isinstance(answer, LivenessAnswer):
                message = answer.error if isinstance(answer, ErrorAnswer) else answer.message
                return Outcome(path, None, None, f"{response.status} {message}")
            result, reason = answer.liveness_result, "" if answer.message == SUCCESS_MESSAGE else answer.message
            return Outcome(path, result.is_live, result.liveness_score, reason)

        yield judge


@asynccontextmanager
async def local_pipeline(settings: Settings) -> AsyncIterator[Pipeline]:
    """The pipeline that serves, in this process; without LIVENESS_TRITON_URL, on a Triton of its own."""
    with ExitStack() as stack:
        if not settings.triton_url:
            triton = stack.enter_context(temporary_triton(settings))
            settings = settings.model_copy(update={"triton_url": triton.url})
        pipeline = make_pipeline(settings)
        try:
            yield pipeline
        finally:
            await pipeline.close()


@asynccontextmanager
async def local_judge(settings: Settings) -> AsyncIterator[Judge]:
    """Judge by the pipeline in this process."""
    async with local_pipeline(settings) as pipeline:

        async def judge(path: Path) -> Outcome:
            try:
                verdict = await pipeline.judge(await asyncio.to_thread(path.read_bytes), StageClock())
            except OSError as error:
                return Outcome(path, None, None, str(error))
            except (RequestRejected, ServiceUnavailable) as error:
                refusal = REFUSALS[type(error)]
                return Outcome(path, None, None, f"{refusal.body.get('error')} ({error})")
            message = verdict_message(verdict)
            reason = "" if message == SUCCESS_MESSAGE else message
            return Outcome(path, 1 if verdict.is_live else 0, verdict.liveness_score, reason)

        yield judge


def _demo_hash_id(settings: Settings) -> str:
    file = settings.data_dir / "demo_hash_id"
    try:
        return file.read_text(errors="replace").strip()
    except OSError:
        raise StartRefused("no credential: give --hash-id or LIVENESS_HASH_ID, or start the service once") from None
