"""A replica set whose connections break and whose primary steps down: every verdict is counted once, none twice."""

import asyncio
import re
import threading
import time
from contextlib import closing
from datetime import datetime, timezone

import pytest
from pymongo import MongoClient

from frontend.errors import KeyStoreUnavailable, LimitReached
from frontend.keys.homes import key_store
from frontend.keys.mongo_server import client_for, database_of
from frontend.keys.store import KeyRecord, digest_of
from tests.relay import Relay

NOW = datetime(2031, 5, 6, tzinfo=timezone.utc)
DIGEST = digest_of("acme")
SET_NAME = "secantus"
POLLING = "serverMonitoringMode=poll"
"""MongoDB tells its clients of an election at once; the server of these tests has to be asked."""
COUNTED = b"lastErrorObject"
"""Only the answer to a count holds it."""


def play(url, story, timeout_s=5.0):
    async def scene():
        store = key_store(url, timeout_s)
        try:
            await store.open()
            return await story(store)
        finally:
            await store.close()

    return asyncio.run(scene())


async def outcomes(store, callers):
    """How many counts succeeded, were refused for the limit, and failed."""

    async def one():
        try:
            await store.consume(DIGEST, NOW)
        except LimitReached:
            return "refused"
        except KeyStoreUnavailable:
            return "failed"
        return "counted"

    got = await asyncio.gather(*(one() for _ in range(callers)))
    return {outcome: got.count(outcome) for outcome in ("counted", "refused", "failed")}


def lose_every(nth):
    """A relay's rule: each `nth` answer to a count is lost, though the server has counted."""
    lock, seen = threading.Lock(), [0]

    def cuts(data):
        if COUNTED not in data:
            return False
        with lock:
            seen[0] += 1
            return seen[0] % nth == 0

    return cuts


def with_one_time_limit(request):
    """The request with the same maxTimeMS each time.

    A repeated count has less time left than the first. MongoDB knows it by its session and number all the same; the
    server of these tests compares the whole command.
    """
    return re.sub(rb"(?<=\x10maxTimeMS\0)....", lambda _: (10_000).to_bytes(4, "little"), request, flags=re.DOTALL)


def step_down(server, seconds):
    """The only member gives its primacy up, and is elected again after so many seconds."""
    with MongoClient(server.url, directConnection=True) as client:
        client.admin.command("replSetStepDown", seconds, force=True)


def test_a_count_whose_answer_was_lost_is_counted_once(own_mongo):
    own_mongo.start(standalone=False)
    limit, callers = 12, 16

    async def story(store):
        await store.create(DIGEST, KeyRecord("acme", limit, 0, NOW))
        relay.forwards = with_one_time_limit
        relay.cuts = lose_every(9)  # so far apart that what was asked again is answered before the next is lost
        got = await outcomes(store, callers)
        lost = relay.cut_count
        return got, (await store.get("acme")).used, lost

    with closing(Relay(own_mongo.port)) as relay:
        got, used, lost = play(f"mongodb://{relay.address}/?directConnection=true", story, timeout_s=15.0)
    assert lost >= 1
    assert got == {"counted": limit, "refused": callers - limit, "failed": 0}
    assert used == limit


def test_without_a_replica_set_a_lost_answer_fails_and_may_have_counted(own_mongo):
    own_mongo.start()

    async def story(store):
        await store.create(DIGEST, KeyRecord("acme", 30, 0, NOW))
        relay.cuts = lose_every(3)
        got = {"counted": 0, "refused": 0, "failed": 0}
        for _ in range(4):
            for outcome, number in (await outcomes(store, 1)).items():
                got[outcome] += number
        return got, (await store.get("acme")).used

    with closing(Relay(own_mongo.port)) as relay:
        got, used = play(f"mongodb://{relay.address}", story)
    assert got == {"counted": 3, "refused": 0, "failed": 1}
    assert used == 4, "the server counted what it could not tell"


def test_an_election_neither_loses_nor_doubles_a_count(own_mongo):
    """Who is told that the service is unavailable asks again, as Retry-After says; MongoDB's own clients wait."""
    own_mongo.start(standalone=False)
    limit, callers = 40, 60

    async def story(store):
        await store.create(DIGEST, KeyRecord("acme", limit, 0, NOW))
        counted = (await outcomes(store, 10))["counted"]
        await asyncio.to_thread(step_down, own_mongo, 2)
        waiting, refused = callers - 10, 0
        for _ in range(5):
            got = await outcomes(store, waiting)
            counted, refused, waiting = counted + got["counted"], refused + got["refused"], got["failed"]
            assert (await store.get("acme")).used == counted
        return counted, refused, waiting

    url = f"mongodb://127.0.0.1:{own_mongo.port}/?replicaSet={SET_NAME}&{POLLING}&maxPoolSize=10"
    assert play(url, story, timeout_s=10.0) == (limit, callers - limit, 0)


def test_an_election_longer_than_the_timeout_fails_in_time_counts_nothing_and_reads_no_secondary(own_mongo):
    own_mongo.start(standalone=False)

    async def story(store):
        await store.create(DIGEST, KeyRecord("acme", 10, 0, NOW))
        await asyncio.to_thread(step_down, own_mongo, 4)
        for refused in store.consume(DIGEST, NOW), store.authenticate(DIGEST, NOW), store.ping():
            begun_s = time.monotonic()
            with pytest.raises(KeyStoreUnavailable):
                await refused
            assert time.monotonic() - begun_s < 2
        deadline_s = time.monotonic() + 10
        while time.monotonic() < deadline_s:
            try:
                await store.consume(DIGEST, NOW)
                break
            except KeyStoreUnavailable:
                continue
        return (await store.get("acme")).used

    options = f"replicaSet={SET_NAME}&{POLLING}&readPreference=secondaryPreferred"
    assert play(f"mongodb://127.0.0.1:{own_mongo.port}/?{options}", story, timeout_s=1.0) == 1


def test_what_keeps_a_count_exact_cannot_be_weakened_by_the_address():
    async def scene():
        client = client_for("mongodb://127.0.0.1/?w=1&journal=false&retryWrites=false&readPreference=nearest", 1.0)
        database = database_of(client)
        concern, preference = database["keys"].write_concern.document, database["keys"].read_preference.mode
        retries = client.options.retry_writes
        await client.close()
        return concern, preference, retries

    concern, preference, retries = asyncio.run(scene())
    assert concern == {"w": "majority", "j": True}
    assert preference == 0
    assert retries
