"""The client of Triton against a real one: the scores of Triton's own client, over connections that come and go."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.http as reference

from frontend.embedded import EmbeddedTriton
from frontend.errors import ScoringFailed
from frontend.images import RgbImage
from frontend.scoring import TritonScorer
from frontend.settings import PROJECT_ROOT


@pytest.fixture(scope="module")
def triton() -> Iterator[EmbeddedTriton]:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedTriton(
            model_repository=PROJECT_ROOT / "model_repository",
            model="anti_spoof",
            runtime_dir=Path(folder),
            start_timeout_s=30,
        ) as server,
    ):
        yield server


def crop(seed: int) -> RgbImage:
    generator = np.random.default_rng(seed)
    slope = np.linspace(0, 255, 128)[:, None, None] * generator.uniform(0, 1, 3)
    noise = generator.normal(0, 12, (128, 128, 3))
    return np.asarray(np.clip(slope + noise, 0, 255), np.uint8)


def by_reference_client(url: str, picture: RgbImage) -> float:
    tensor = reference.InferInput("face", [1, 128, 128, 3], "UINT8")
    tensor.set_data_from_numpy(picture[np.newaxis])
    with reference.InferenceServerClient(url) as client:
        return float(client.infer("anti_spoof", [tensor]).as_numpy("live")[0, 0])


def test_scores_are_those_of_tritons_own_client(triton: EmbeddedTriton) -> None:
    pictures = [crop(seed) for seed in range(6)]

    async def scores() -> list[float]:
        scorer = TritonScorer(triton.url, "anti_spoof", 5)
        one_after_another = [await scorer.score(picture) for picture in pictures]
        all_at_once = await asyncio.gather(*(scorer.score(picture) for picture in pictures * 5))
        assert all_at_once == one_after_another * 5
        scorer.close()
        return one_after_another

    ours = asyncio.run(scores())
    assert ours == [by_reference_client(triton.url, picture) for picture in pictures]
    assert len(set(ours)) == len(pictures)


def test_one_connection_serves_one_score_after_another(triton: EmbeddedTriton) -> None:
    async def ports_after_each_of_five() -> list[set[int]]:
        scorer = TritonScorer(triton.url, "anti_spoof", 5)
        ports = []
        for seed in range(5):
            await scorer.score(crop(seed))
            ports.append(ports_connected_to(triton))
        scorer.close()
        return ports

    first, *others = asyncio.run(ports_after_each_of_five())
    assert len(first) == 1
    assert others == [first] * 4


def ports_connected_to(triton: EmbeddedTriton) -> set[int]:
    port = int(triton.url.rpartition(":")[2])
    connections = psutil.Process().net_connections("tcp")
    return {c.laddr.port for c in connections if c.status == psutil.CONN_ESTABLISHED and c.raddr.port == port}


def test_cancelled_score_does_not_leave_its_answer_to_the_next(triton: EmbeddedTriton) -> None:
    first, second = crop(1), crop(2)

    async def score_after_cancelling() -> float:
        scorer = TritonScorer(triton.url, "anti_spoof", 5)
        await scorer.score(first)
        for _ in range(20):
            abandoned = asyncio.ensure_future(scorer.score(first))
            await asyncio.sleep(0.0005)
            abandoned.cancel()
            assert await scorer.score(second) == by_second
        scorer.close()
        return by_second

    by_second = by_reference_client(triton.url, second)
    assert asyncio.run(score_after_cancelling()) == by_second


def test_connections_closed_by_a_restart_are_replaced(triton: EmbeddedTriton) -> None:
    picture = crop(3)

    async def score_across_a_restart() -> tuple[float, float]:
        scorer = TritonScorer(triton.url, "anti_spoof", 5)
        before, *_ = await asyncio.gather(*(scorer.score(picture) for _ in range(4)))
        kill_server(triton)
        with pytest.raises(ScoringFailed):
            await scorer.score(picture)
        for _ in range(300):
            await asyncio.sleep(0.1)
            with contextlib.suppress(ScoringFailed):
                after = await scorer.score(picture)
                break
        scorer.close()
        return before, after

    before, after = asyncio.run(score_across_a_restart())
    assert before == after


def kill_server(triton: EmbeddedTriton) -> None:
    port = int(triton.url.rpartition(":")[2])
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() == "tritonserver" and f"--http-port={port}" in process.cmdline():
                process.kill()
                process.wait(5)


def test_unknown_model_and_nobody_there_are_failures(triton: EmbeddedTriton) -> None:
    async def score(url: str, model: str) -> None:
        scorer = TritonScorer(url, model, 1)
        try:
            await scorer.score(crop(0))
        finally:
            scorer.close()

    with pytest.raises(ScoringFailed, match="refused: 4"):
        asyncio.run(score(triton.url, "another"))
    with pytest.raises(ScoringFailed, match="away"):
        asyncio.run(score("127.0.0.1:9", "anti_spoof"))
