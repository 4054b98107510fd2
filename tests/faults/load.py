"""A steady load on a service while something is done to it, and what its clients and its health check saw."""

import asyncio
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import urlsplit

from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id
from tests.conftest import data_uri

CLIENTS = 4
PAUSE_S = 0.05
CLIENT_TIMEOUT_S = 20.0
READY_TRUTH_S = 2.0
RECOVERY_S = 10.0


class Key:
    """A fresh key in the home of keys at this address."""

    def __init__(self, keys_url: str) -> None:
        self._keys_url = keys_url
        self.hash_id = new_hash_id()
        self._name = f"fault-{self.hash_id[:12]}"
        self._ask(lambda s: s.create(digest_of(self.hash_id), KeyRecord(self._name, None, 0, _now())))

    def used(self) -> int:
        return self._ask(lambda store: store.get(self._name)).used

    def body(self, picture: bytes) -> bytes:
        return json.dumps({"hash_id": self.hash_id, "selfie_image": data_uri(picture)}).encode()

    def _ask(self, question):
        async def scene():
            store = key_store(self._keys_url, 10.0)
            await store.open()
            try:
                return await question(store)
            finally:
                await store.close()

        return asyncio.run(scene())


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status 0: the connection was cut or refused."""

    asked_s: float
    answered_s: float
    status: int
    retry_after: str | None = None
    body: bytes = b""

    @property
    def took_s(self) -> float:
        return self.answered_s - self.asked_s


class Client:
    """One kept connection, made anew after an error or when the server closed it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=CLIENT_TIMEOUT_S)

    def ask(self, method: str, path: str, body: bytes | None = None) -> Answer:
        asked_s = time.monotonic()
        try:
            self._connection.request(method, path, body)
            answer = self._connection.getresponse()
            content = answer.read()
        except TimeoutError:
            self._connection.close()
            raise AssertionError(f"no answer to {method} {path} within {CLIENT_TIMEOUT_S} s") from None
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return Answer(asked_s, time.monotonic(), 0)
        return Answer(asked_s, time.monotonic(), answer.status, answer.getheader("Retry-After"), content)

    def close(self) -> None:
        self._connection.close()


@dataclass
class Seen:
    """What was answered so far."""

    judged: list[Answer] = field(default_factory=list)
    ready: list[Answer] = field(default_factory=list)

    @property
    def delivered(self) -> int:
        return self.statuses()[201]

    def statuses(self) -> Counter[int]:
        return Counter(answer.status for answer in list(self.judged))

    def wait_for(self, what: Callable[[], bool], timeout_s: float, words: str) -> None:
        deadline_s = time.monotonic() + timeout_s
        while not what():
            assert time.monotonic() < deadline_s, f"{words}: not within {timeout_s} s; {self.statuses()}"
            time.sleep(0.02)

    def verdict_since(self, moment_s: float) -> Answer | None:
        return next((a for a in list(self.judged) if a.status == 201 and a.asked_s >= moment_s), None)

    def ready_since(self, moment_s: float, status: int) -> Answer | None:
        return next((a for a in list(self.ready) if a.status == status and a.asked_s >= moment_s), None)


@contextmanager
def steady_load(url: str, body: bytes, clients: int = CLIENTS, pause_s: float = PAUSE_S) -> Iterator[Seen]:
    """Ask for verdicts from several clients, and for /readyz ten times a second, until left."""
    seen, over = Seen(), threading.Event()

    def keep_asking(answers: list[Answer], question: tuple[str, str, bytes | None], pause_s: float) -> None:
        client = Client(url)
        while not over.is_set():
            answers.append(client.ask(*question))
            over.wait(pause_s)
        client.close()

    judge = (seen.judged, ("POST", "/liveness", body), pause_s)
    poll = (seen.ready, ("GET", "/readyz", None), 0.1)
    threads = [threading.Thread(target=keep_asking, args=args) for args in [judge] * clients + [poll]]
    for thread in threads:
        thread.start()
    try:
        seen.wait_for(lambda: seen.delivered >= 2 * clients, 10, "the load runs")
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def documented(answer: Answer) -> bool:
    """A verdict, or 503 with Retry-After and an error."""
    if answer.status == 201:
        return set(json.loads(answer.body)) == {"liveness_result", "message"}
    return answer.status == 503 and answer.retry_after == "1" and set(json.loads(answer.body)) == {"error"}


@dataclass(frozen=True, slots=True)
class Trial:
    """What a fault did: answers by status, and seconds from its beginning or its end; None where it never was so."""

    statuses: Counter[int]
    longest_s: float
    unready_after_s: float | None
    recovered_after_s: float
    delivered: int
    used: int

    def __str__(self) -> str:
        unready = "stays ready" if self.unready_after_s is None else f"unready after {self.unready_after_s:.1f} s"
        return (
            f"{dict(self.statuses)}, longest {self.longest_s:.1f} s, {unready}, "
            f"recovered after {self.recovered_after_s:.1f} s, delivered {self.delivered}, used {self.used}"
        )


def try_fault(
    url: str,
    key: Key,
    picture: bytes,
    fault: AbstractContextManager[object],
    *,
    lasts_s: float,
    deadline_s: float,
    shows_in_readiness: bool = True,
    cut_connections: int = 0,
) -> Trial:
    """Let the fault happen under load and go away, and hold the service to what it promises of every fault.

    Only documented answers, each within `deadline_s`; /readyz says 503 within two seconds; both are good again within
    ten seconds of the fault's end. As many connections may be cut as the fault itself cuts.
    """
    with steady_load(url, key.body(picture)) as seen:
        entered_s = time.monotonic()
        with fault:
            began_s = time.monotonic()
            if shows_in_readiness:
                seen.wait_for(lambda: seen.ready_since(began_s, 503) is not None, READY_TRUTH_S + 1, "/readyz says 503")
            time.sleep(max(0.0, began_s + lasts_s - time.monotonic()))
        ended_s = time.monotonic()
        unready = seen.ready_since(began_s, 503)
        good_since_s = ended_s if unready is None else max(ended_s, unready.asked_s)
        seen.wait_for(
            lambda: bool(seen.verdict_since(good_since_s) and seen.ready_since(good_since_s, 200)),
            RECOVERY_S,
            "it serves again",
        )
        time.sleep(0.3)
    strange = [answer for answer in seen.judged if answer.status and not documented(answer)]
    assert not strange, strange[:3]
    assert seen.statuses()[0] <= cut_connections
    longest_s = max(answer.took_s for answer in seen.judged)
    assert longest_s < deadline_s
    unready_after_s = unready.answered_s - began_s if unready else None
    assert unready_after_s is None or unready_after_s < READY_TRUTH_S
    verdict, ready = seen.verdict_since(good_since_s), seen.ready_since(good_since_s, 200)
    assert verdict is not None
    assert ready is not None
    recovered_after_s = max(verdict.answered_s, ready.answered_s) - ended_s
    statuses = Counter(a.status for a in seen.judged if a.answered_s >= entered_s)
    return Trial(statuses, longest_s, unready_after_s, recovered_after_s, seen.delivered, key.used())
