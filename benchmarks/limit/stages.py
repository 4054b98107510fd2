"""How long each stage of a request takes by itself."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone

from pydantic_core import from_json

from benchmarks.lib.corpus import Picture
from benchmarks.lib.work import Stages, Worker, median_ms
from frontend.data_uri import image_bytes
from frontend.embedded import temporary_triton
from frontend.images import RgbImage
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id
from frontend.pipeline import Verdict
from frontend.routes.answers import verdict_answer
from frontend.scoring import TritonScorer
from frontend.settings import load_settings


def stage_table(picture: Picture, seconds: float) -> dict[str, float]:
    """Stage → median milliseconds on an otherwise idle machine.

    "hop" is what a score by Triton takes beyond the network itself; "keys" is to authenticate and to count.
    """
    worker = Worker()
    body = picture.body(new_hash_id())
    text = from_json(body)["selfie_image"]
    crop = worker.crop(picture.data, {})
    each_s = seconds / 4
    verdict = Verdict(is_live=True, liveness_score=0.980154, face_found=True, raw_score=0.980154)
    network_ms = median_ms(lambda: worker.network(crop), each_s)
    return {
        "parse": median_ms(lambda: from_json(body), each_s),
        "keys": asyncio.run(_keys_ms(each_s)),
        "base64": median_ms(lambda: image_bytes(text), each_s),
        **_before_the_network_ms(worker, picture.data, seconds),
        "hop": _score_ms(crop, each_s) - network_ms,
        "model": network_ms,
        "respond": median_ms(lambda: verdict_answer(verdict), each_s),
    }


def _before_the_network_ms(worker: Worker, data: bytes, seconds: float) -> Stages:
    passes: list[Stages] = []
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        spent: Stages = {}
        worker.crop(data, spent)
        passes.append(spent)
    return {stage: 1000 * statistics.median(spent[stage] for spent in passes) for stage in passes[0]}


def _score_ms(crop: RgbImage, seconds: float) -> float:
    settings = load_settings()

    async def ask(url: str) -> float:
        scorer = TritonScorer(url, settings.triton_model, settings.triton_timeout_s)
        try:
            return await _median_ms(lambda: scorer.score(crop), seconds)
        finally:
            scorer.close()

    with temporary_triton(settings) as triton:
        return asyncio.run(ask(triton.url))


async def _keys_ms(seconds: float) -> float:
    digest = digest_of(new_hash_id())
    now = datetime.now(timezone.utc)
    with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as folder:
        store = key_store(f"sqlite://{folder}/keys.sqlite3", 5.0)

        async def use() -> None:
            await store.authenticate(digest, now)
            await store.consume(digest, now)

        try:
            await store.open()
            await store.create(digest, KeyRecord("benchmark", None, 0, now))
            return await _median_ms(use, seconds)
        finally:
            await store.close()


async def _median_ms(call: Callable[[], Awaitable[object]], seconds: float) -> float:
    times_s: list[float] = []
    end_s = time.perf_counter() + seconds
    while not times_s or time.perf_counter() < end_s:
        begun_s = time.perf_counter()
        await call()
        times_s.append(time.perf_counter() - begun_s)
    return 1000 * statistics.median(times_s)
