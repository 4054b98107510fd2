"""Several real Tritons behind one frontend: one dies, hangs or slows, and no request is lost."""

import asyncio
import signal
import socket
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import numpy as np
import pytest

import frontend.triton_pool
from frontend.embedded import EmbeddedTriton
from frontend.errors import ScoringFailed
from frontend.scoring import TritonScorer
from frontend.triton_addresses import parse_addresses
from frontend.triton_pool import LATENCIES, RETRY_BURST
from tests.conftest import data_uri, running
from tests.embedded.children import embedded, named
from tests.faults.test_triton_that_misbehaves import key_in
from tests.relay import Relay

CROP = np.full((128, 128, 3), 90, np.uint8)
TIMEOUT_S = 3.0
NOBODY = "127.0.0.1:9"
MakeRelay = Callable[..., Relay]


@pytest.fixture(scope="module")
def tritons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[EmbeddedTriton]]:
    with ExitStack() as stack:
        yield [stack.enter_context(embedded(tmp_path_factory.mktemp(f"triton-{n}"))) for n in range(3)]


@pytest.fixture
def relay() -> Iterator[MakeRelay]:
    with ExitStack() as stack:

        def make(target: int, host: str = "127.0.0.1", port: int = 0) -> Relay:
            return stack.enter_context(closing(Relay(target, host, port)))

        yield make


def port_of(triton: EmbeddedTriton) -> int:
    return int(triton.url.rpartition(":")[2])


def inferences(triton: EmbeddedTriton) -> int:
    """How many the server itself says that it made."""
    with urllib.request.urlopen(f"http://{triton.metrics_url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("nv_inference_count{"))


def play(url: str, story: Callable[[TritonScorer], Awaitable[None]], timeout_s: float = TIMEOUT_S) -> None:
    async def scene() -> None:
        scorer = TritonScorer(url, "anti_spoof", timeout_s)
        try:
            await story(scorer)
        finally:
            scorer.close()

    asyncio.run(scene())


class Callers:
    """Callers that score one after the other until the block ends; `failures` and `slowest_s` tell how they fared."""

    def __init__(self, scorer: TritonScorer, count: int = 4) -> None:
        self._scorer = scorer
        self._count = count
        self._going = True
        self.answers = 0
        self.failures: list[str] = []
        self.slowest_s = 0.0

    async def __aenter__(self) -> "Callers":
        self._tasks = [asyncio.create_task(self._call()) for _ in range(self._count)]
        await asyncio.sleep(0.3)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._going = False
        await asyncio.gather(*self._tasks)

    async def _call(self) -> None:
        while self._going:
            begun_s = time.monotonic()
            try:
                await self._scorer.score(CROP)
            except ScoringFailed as failure:
                self.failures.append(str(failure))
            self.answers += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun_s)
            await asyncio.sleep(0.005)


async def until(holds: Callable[[], bool], patience_s: float) -> None:
    deadline_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline_s, f"not within {patience_s} s"
        await asyncio.sleep(0.02)


def test_requests_are_spread_over_all(tritons: list[EmbeddedTriton]) -> None:
    before = [inferences(triton) for triton in tritons]

    async def story(scorer: TritonScorer) -> None:
        for _ in range(15):
            await asyncio.gather(*(scorer.score(CROP) for _ in range(6)))
        assert scorer.servers() == {triton.url: "ok" for triton in tritons}

    play(",".join(triton.url for triton in tritons), story)
    counts = [inferences(triton) - was for triton, was in zip(tritons, before, strict=True)]
    assert 90 <= sum(counts) <= 96  # those that watch over the servers ask now and then too
    assert min(counts) >= 20


def test_no_request_is_lost_when_one_is_killed_and_another_hangs(tritons: list[EmbeddedTriton]) -> None:
    killed, hanging, third = tritons

    async def story(scorer: TritonScorer) -> None:
        async with Callers(scorer) as callers:
            for victim, sign in (killed, signal.SIGKILL), (hanging, signal.SIGSTOP):
                named(victim.log_path.parent, "tritonserver")[0].send_signal(sign)
                await until(lambda one=victim: scorer.servers()[one.url] != "ok", TIMEOUT_S)
                answers = callers.answers
                await until(lambda was=answers: callers.answers > was + 20, 10)
            assert scorer.servers()[third.url] == "ok"
            # What watches over an embedded Triton starts it anew.
            await until(lambda: set(scorer.servers().values()) == {"ok"}, 30)
            before = [inferences(one) for one in (killed, hanging)]
            await until(lambda: all(inferences(t) > n + 5 for t, n in zip(tritons, before, strict=False)), 10)
        assert callers.failures == []
        assert callers.slowest_s < TIMEOUT_S

    play(",".join(triton.url for triton in tritons), story)


def test_a_slow_one_is_left_out_until_it_is_fast_again(tritons: list[EmbeddedTriton], relay: MakeRelay) -> None:
    slow = relay(port_of(tritons[1]))

    async def story(scorer: TritonScorer) -> None:
        async with Callers(scorer) as callers:
            slow.delay_s = 1.0
            await until(lambda: "slow" in scorer.servers()[slow.address], 15)
            assert scorer.servers()[tritons[0].url] == "ok"
            slow.delay_s = 0.0
            await until(lambda: scorer.servers()[slow.address] == "ok", 15)
        assert callers.failures == []

    play(f"{tritons[0].url},{slow.address}", story)


def test_one_slow_answer_leaves_nobody_out(tritons: list[EmbeddedTriton], relay: MakeRelay) -> None:
    hesitant = relay(port_of(tritons[1]))

    async def story(scorer: TritonScorer) -> None:
        for delay_s in (*[0.0] * LATENCIES, 0.6, 0.0):
            hesitant.delay_s = delay_s
            await asyncio.gather(scorer.score(CROP), scorer.score(CROP))  # one of each
        assert set(scorer.servers().values()) == {"ok"}

    play(f"{tritons[0].url},{hesitant.address}", story)


@pytest.mark.parametrize("url", ["host", "host:0", "host:99999", "http://host:1", "host:1,", "a@host:1", "::1:8000"])
def test_an_address_that_cannot_be_read_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"not host:port|[Pp]ort"):
        parse_addresses(url)


def test_nobody_there_fails_in_time_and_one_that_comes_is_taken(
    tritons: list[EmbeddedTriton], relay: MakeRelay
) -> None:
    late = relay(port_of(tritons[0]))
    late.close()

    async def story(scorer: TritonScorer) -> None:
        for _ in range(3):
            with pytest.raises(ScoringFailed, match="away"):
                await scorer.score(CROP)
        assert "ok" not in scorer.servers().values()
        relay(port_of(tritons[0]), port=int(late.address.rpartition(":")[2]))
        await scorer.score(CROP)  # all that are left out are asked where there is no other
        await until(lambda: scorer.servers()[late.address] == "ok", 10)

    play(f"{NOBODY},{late.address}", story)


def test_servers_that_hang_cost_one_deadline_and_are_asked_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frontend.triton_pool, "FIRST_PAUSE_S", 60)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:

        async def story(scorer: TritonScorer) -> None:
            begun_s = time.monotonic()
            with pytest.raises(ScoringFailed):
                await scorer.score(CROP)
            assert 0.5 <= time.monotonic() - begun_s < 2

        play(",".join(f"127.0.0.1:{s.getsockname()[1]}" for s in (one, other)), story, timeout_s=1.0)
        for listener in one, other:
            listener.settimeout(0.2)
            listener.accept()[0].close()
            with pytest.raises(TimeoutError):
                listener.accept()


def test_one_that_hangs_does_not_keep_the_others_from_being_ready(tritons: list[EmbeddedTriton]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:

        async def story(scorer: TritonScorer) -> None:
            begun_s = time.monotonic()
            await scorer.probe()
            assert time.monotonic() - begun_s < TIMEOUT_S / 2
            await until(lambda: "Timeout" in scorer.servers()[address], 2 * TIMEOUT_S)

        address = f"127.0.0.1:{hanging.getsockname()[1]}"
        play(f"{address},{tritons[2].url}", story)


def test_failing_servers_are_not_asked_ever_more(relay: MakeRelay) -> None:
    """Two that close every connection: each request asks one, and only a burst of them the other too."""
    pair = [relay(9), relay(9)]

    async def story(scorer: TritonScorer) -> None:
        for _ in range(150):
            with pytest.raises(ScoringFailed):
                await scorer.score(CROP)

    play(",".join(one.address for one in pair), story)
    trials = 10
    assert 150 < sum(one.accepted for one in pair) <= 150 + RETRY_BURST + trials


def test_a_name_is_followed_when_its_addresses_change(
    tritons: list[EmbeddedTriton], relay: MakeRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = relay(port_of(tritons[0]), "127.0.0.1")
    port = int(first.address.rpartition(":")[2])
    second = relay(port_of(tritons[1]), "127.0.0.2", port)
    addresses = ["127.0.0.1", "127.0.0.2"]
    true_getaddrinfo = socket.getaddrinfo

    def getaddrinfo(host: str, *arguments: object, **options: object) -> list[object]:
        if host != "triton.test":
            return true_getaddrinfo(host, *arguments, **options)  # type: ignore[arg-type]
        if not addresses:
            raise socket.gaierror(socket.EAI_AGAIN, "the name server is away")
        return [found for address in addresses for found in true_getaddrinfo(address, *arguments, **options)]  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(frontend.triton_pool, "RESOLVE_EVERY_S", 0.05)

    async def story(scorer: TritonScorer) -> None:
        async with Callers(scorer) as callers:
            await until(lambda: set(scorer.servers()) == {first.address, second.address}, 5)
            addresses[:] = []
            await asyncio.sleep(0.2)
            assert set(scorer.servers()) == {first.address, second.address}
            addresses[:] = ["127.0.0.2"]
            await until(lambda: set(scorer.servers()) == {second.address}, 5)
            first.close()
            # A container that was started anew has another address, and the name server knows it first.
            addresses[:] = ["127.0.0.1"]
            relay(port_of(tritons[0]), "127.0.0.1", port)
            second.close()
            await until(lambda: set(scorer.servers()) == {first.address}, 5)
        assert callers.failures == []

    play(f"triton.test:{port}", story)


def test_service_goes_on_and_tells_of_a_triton_that_was_killed(
    tritons: list[EmbeddedTriton], tmp_path: Path, portrait_jpeg: bytes
) -> None:
    victim, survivor = tritons[0], tritons[1]
    settings = {"port": 0, "data_dir": tmp_path, "triton_url": f"{victim.url}, {survivor.url}"}
    with (
        running("serve", "listening on", log=tmp_path / "log", **settings) as (_, line),
        httpx.Client(base_url=line.split()[-1], timeout=10) as client,
    ):
        assert client.get("/readyz").json()["triton_servers"] == {victim.url: "ok", survivor.url: "ok"}
        hash_id, used = key_in(tmp_path)
        body = {"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}
        statuses = [client.post("/liveness", json=body).status_code for _ in range(4)]
        named(victim.log_path.parent, "tritonserver")[0].kill()
        statuses += [client.post("/liveness", json=body).status_code for _ in range(8)]
        readiness = client.get("/readyz")
        assert statuses == [201] * 12
        assert used() == 12
        assert readiness.json()["dependencies"] == {"triton": "ok", "keys": "ok"}
        assert readiness.json()["triton_servers"][survivor.url] == "ok"
        assert "away" in readiness.json()["triton_servers"][victim.url]
        assert client.get("/status_check").status_code == 200
