"""A verdict that no model gave is never delivered, whatever Triton answers; a small real server plays Triton here."""

import asyncio
import struct
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import httpx
import pytest

from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id
from tests.conftest import data_uri, running
from tests.faults.fake_triton import FakeTriton, answering, close_half_way, fake_triton, hang_up, send

CANNOT_JUDGE = b'{"error": "The service cannot judge images at the moment. Please try again."}'


MISBEHAVIOURS: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "not a number": answering(struct.pack("<f", float("nan")), [1, 1]),
    "infinity": answering(struct.pack("<f", float("inf")), [1, 1]),
    "above one": answering(struct.pack("<f", 1.0001), [1, 1]),
    "below zero": answering(struct.pack("<f", -0.0001), [1, 1]),
    "two scores": answering(struct.pack("<ff", 0.9, 0.9), [2, 1]),
    "another rank": answering(struct.pack("<f", 0.9), [1]),
    "no score": answering(b"", [0, 1]),
    "fewer bytes than the shape": answering(b"\0\0", [1, 1]),
    "another type": answering(struct.pack("<d", 0.9), [1, 1], datatype="FP64"),
    "an unknown type": answering(struct.pack("<f", 0.9), [1, 1], datatype="FP7"),
    "another output": answering(struct.pack("<f", 0.9), [1, 1], name="dead"),
    "empty body": lambda handler: send(handler, b""),
    "no JSON": lambda handler: send(handler, b"<html>", 6),
    "JSON of another kind": lambda handler: send(handler, b"[]", 2),
    "an error": lambda handler: send(handler, b'{"error": "secret detail"}', status=400),
    "an error of the server": lambda handler: send(handler, b"oops", status=500),
    "closed half-way": close_half_way,
    "closed at once": hang_up,
    "too slow": lambda _handler: time.sleep(1.5),
}


@pytest.fixture(scope="module")
def triton() -> Iterator[FakeTriton]:
    with fake_triton() as server:
        yield server


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fake-triton")


@pytest.fixture(scope="module")
def service(triton: FakeTriton, data_dir: Path) -> Iterator[httpx.Client]:
    settings = {
        "port": 0,
        "data_dir": data_dir,
        "triton_url": f"127.0.0.1:{triton.server_port}",
        "triton_timeout_s": 1,
        "server_timing": True,
    }
    with (
        running("serve", "listening on", log=data_dir / "log", **settings) as (process, line),
        httpx.Client(base_url=line.split()[-1], timeout=10) as client,
    ):
        client.get("/healthz")
        yield client
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_no_verdict_without_a_score_of_the_model(
    name: str, triton: FakeTriton, service: httpx.Client, data_dir: Path, portrait_jpeg: bytes
) -> None:
    triton.respond = MISBEHAVIOURS[name]
    hash_id, used = key_in(data_dir)
    answer = service.post("/liveness", json={"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)})
    assert (answer.status_code, answer.content) == (503, CANNOT_JUDGE)
    assert answer.headers["retry-after"] == "1"
    assert used() == 0
    time.sleep(0.6)  # readiness is remembered for half a second
    assert service.get("/status_check").status_code == 503
    readiness = service.get("/readyz")
    assert readiness.status_code == 503
    assert readiness.json()["dependencies"]["triton"] != "ok"
    assert readiness.json()["dependencies"]["keys"] == "ok"
    assert "secret detail" not in readiness.text


def test_a_triton_that_behaves_again_is_used_again(
    triton: FakeTriton, service: httpx.Client, data_dir: Path, portrait_jpeg: bytes
) -> None:
    triton.respond = answering(struct.pack("<f", 0.75), [1, 1])
    hash_id, used = key_in(data_dir)
    answer = service.post("/liveness", json={"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)})
    assert answer.status_code == 201
    assert answer.json()["liveness_result"] == {"is_live": 1, "liveness_score": 0.75}
    stages = dict(stage.split(";dur=") for stage in answer.headers["server-timing"].split(", "))
    assert [*stages] == ["parse", "admit", "authenticate", "wait", "decode", "detect", "crop", "score", "count"]
    assert all(0 <= float(milliseconds) < 1000 for milliseconds in stages.values())
    assert float(stages["decode"]) > 0.1
    assert used() == 1
    time.sleep(0.6)
    assert service.get("/status_check").status_code == 200


def key_in(data_dir: Path) -> tuple[str, Callable[[], int]]:
    """A fresh key in the service's home, and how to ask how much of it is used."""
    hash_id = new_hash_id()

    async def with_store(create: bool) -> int:
        store = key_store(f"sqlite:///{data_dir / 'keys.sqlite3'}", 5.0)
        await store.open()
        try:
            if create:
                record = KeyRecord(hash_id[:8], 100, 0, datetime.now(timezone.utc))
                await store.create(digest_of(hash_id), record)
            return (await store.get(hash_id[:8])).used
        finally:
            await store.close()

    asyncio.run(with_store(create=True))
    return hash_id, lambda: asyncio.run(with_store(create=False))
