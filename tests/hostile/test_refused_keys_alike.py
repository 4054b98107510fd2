"""Nobody learns from an answer whether a hash_id is unknown, revoked or expired."""

import asyncio
import sqlite3
import statistics
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest

from frontend.errors import InvalidCredentials
from frontend.keys.sqlite import SqliteKeyStore
from frontend.keys.store import digest_of, new_hash_id
from tests.conftest import Stack
from tests.hostile.keys import new_key

ROUNDS = 150


@pytest.fixture(scope="module")
def refused_keys(target: Stack) -> dict[str, str]:
    ago = datetime.now(timezone.utc) - timedelta(days=1)
    return {
        "unknown": new_hash_id(),
        "unknown too": new_hash_id(),
        "revoked": new_key(target.keys_url, "revoked", revoked_at=ago),
        "expired": new_key(target.keys_url, "expired", expires_at=ago),
    }


def test_the_answers_are_the_same_to_the_byte(target: Stack, refused_keys: dict[str, str]) -> None:
    seen = set()
    for hash_id in refused_keys.values():
        answer = httpx.post(f"{target.url}/liveness", json={"hash_id": hash_id, "selfie_image": "x"}, timeout=30)
        answer.headers.pop("X-Request-ID")
        answer.headers.pop("Date")
        seen.add((answer.status_code, answer.content, str(answer.headers.raw)))
    assert len(seen) == 1
    assert seen.pop()[:2] == (401, b'{"message": "Invalid credentials"}')


def test_the_times_are_no_further_apart_than_those_of_two_unknown_keys(
    target: Stack, refused_keys: dict[str, str]
) -> None:
    """Medians of interleaved requests, by turns, so that what else the machine does falls on all alike."""
    times_s: dict[str, list[float]] = {name: [] for name in refused_keys}
    with httpx.Client(base_url=target.url, timeout=30) as client:
        for _ in range(ROUNDS):
            for name, hash_id in refused_keys.items():
                began_s = time.perf_counter()
                client.post("/liveness", json={"hash_id": hash_id})
                times_s[name].append(time.perf_counter() - began_s)
    medians = {name: statistics.median(seconds) for name, seconds in times_s.items()}
    assert max(medians.values()) < 1.5 * min(medians.values()), medians


async def refuse(store: SqliteKeyStore, hash_id: str) -> None:
    with pytest.raises(InvalidCredentials) as refusal:
        await store.authenticate(digest_of(hash_id), datetime.now(timezone.utc))
    assert refusal.value.args == ()


def test_the_same_statements_are_run(
    target: Stack, refused_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = connect(*arguments, **options)  # type: ignore[arg-type]
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    by_key = {}

    async def run() -> None:
        store = SqliteKeyStore(Path(target.keys_url.removeprefix("sqlite://")), 5.0)
        await store.open()
        for name, hash_id in refused_keys.items():
            statements.clear()
            await refuse(store, hash_id)
            by_key[name] = [
                statement.lower().replace(digest_of(hash_id).hex(), "DIGEST")
                for statement in statements
                if "busy_timeout" not in statement  # holds what is left of the time
            ]
        await store.close()

    asyncio.run(run())
    assert len({tuple(lines) for lines in by_key.values()}) == 1, by_key
    assert any("DIGEST" in line for line in by_key["revoked"])
