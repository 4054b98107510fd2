"""What every home of keys does, tried over each of them."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from frontend.errors import InvalidCredentials, KeyNameTaken, KeyNotFound, KeyStoreUnavailable, LimitReached
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, KeyStore, StoredKey, digest_of, new_hash_id

NOW = datetime(2031, 5, 6, 7, 8, 9, 123000, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
ACME = KeyRecord("acme", 3, 0, NOW)
WORKER = Path(__file__).with_name("consume_worker.py")


def digest(name="acme"):
    return digest_of(f"hash_id of {name}")


def start_worker(url, attempts):
    command = [sys.executable, str(WORKER), url, digest().hex(), str(attempts)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=WORKER.parents[2])


def results_of(workers):
    for worker in workers:
        assert worker.stdout.readline() == "open\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    return [worker.communicate()[0].strip() for worker in workers]


def test_a_created_key_authenticates_and_comes_back_whole(home):
    record = KeyRecord("acme", 10**12, 7, NOW, NOW + 9 * SECOND, None)

    async def story(store: KeyStore):
        await store.create(digest(), record)
        assert await store.authenticate(digest(), NOW) == record
        assert await store.get("acme") == record
        assert await store.all() == [record]
        assert await store.export() == [StoredKey(digest(), record)]
        assert (await store.get("acme")).created_at.utcoffset() == timedelta(0)

    home.play(story)


def test_times_are_kept_to_the_millisecond(home):
    async def story(store):
        await store.create(digest(), replace(ACME, created_at=NOW.replace(microsecond=123999)))
        assert (await store.get("acme")).created_at == NOW

    home.play(story)


def test_an_unknown_digest_is_refused(home):
    async def story(store):
        await store.create(digest(), ACME)
        for unknown in digest("other"), bytes(32), b"", digest()[:31]:
            with pytest.raises(InvalidCredentials):
                await store.authenticate(unknown, NOW)
            with pytest.raises(InvalidCredentials):
                await store.consume(unknown, NOW)

    home.play(story)


def test_consume_counts_up_to_the_limit_and_authenticate_counts_nothing(home):
    async def story(store):
        await store.create(digest(), ACME)
        for used in range(3):
            assert (await store.authenticate(digest(), NOW)).used == used
            await store.consume(digest(), NOW)
        with pytest.raises(LimitReached):
            await store.authenticate(digest(), NOW)
        with pytest.raises(LimitReached):
            await store.consume(digest(), NOW)
        assert (await store.get("acme")).used == 3

    home.play(story)


def test_a_key_without_a_limit_is_counted_all_the_same(home):
    async def story(store):
        await store.create(digest(), replace(ACME, limit=None))
        for _ in range(5):
            await store.consume(digest(), NOW)
        assert (await store.authenticate(digest(), NOW)).used == 5

    home.play(story)


def test_a_limit_of_zero_delivers_nothing(home):
    async def story(store):
        await store.create(digest(), replace(ACME, limit=0))
        with pytest.raises(LimitReached):
            await store.consume(digest(), NOW)

    home.play(story)


def test_consuming_one_key_leaves_the_others_alone(home):
    async def story(store):
        await store.create(digest("a"), replace(ACME, name="a"))
        await store.create(digest("b"), replace(ACME, name="b"))
        await store.consume(digest("a"), NOW)
        assert [record.used for record in await store.all()] == [1, 0]

    home.play(story)


def test_a_revoked_key_is_refused_and_keeps_the_time_of_its_first_revocation(home):
    async def story(store):
        await store.create(digest(), ACME)
        assert (await store.revoke("acme", NOW)).revoked_at == NOW
        assert (await store.revoke("acme", NOW + SECOND)).revoked_at == NOW
        for refused in store.authenticate, store.consume:
            with pytest.raises(InvalidCredentials):
                await refused(digest(), NOW)
        assert (await store.get("acme")).used == 0

    home.play(story)


def test_a_key_expires_at_its_very_millisecond(home):
    async def story(store):
        await store.create(digest(), replace(ACME, expires_at=NOW))
        await store.consume(digest(), NOW - timedelta(milliseconds=1))
        for refused in store.authenticate, store.consume:
            with pytest.raises(InvalidCredentials):
                await refused(digest(), NOW)
        assert (await store.get("acme")).used == 1

    home.play(story)


def test_a_changed_limit_counts_at_once_and_leaves_the_count(home):
    async def story(store):
        await store.create(digest(), replace(ACME, used=3))
        assert await store.set_limit("acme", 4) == replace(ACME, used=3, limit=4)
        await store.consume(digest(), NOW)
        assert (await store.set_limit("acme", 2)).used == 4
        with pytest.raises(LimitReached):
            await store.consume(digest(), NOW)
        assert (await store.set_limit("acme", None)).limit is None
        await store.consume(digest(), NOW)

    home.play(story)


def test_reset_gives_a_used_up_key_its_limit_anew(home):
    async def story(store):
        await store.create(digest(), replace(ACME, used=3))
        assert await store.reset("acme") == ACME
        await store.consume(digest(), NOW)

    home.play(story)


def test_the_key_keeps_working_after_the_store_is_closed_and_opened(home):
    async def first(store):
        await store.create(digest(), ACME)
        await store.consume(digest(), NOW)
        await store.close()
        with pytest.raises(KeyStoreUnavailable):
            await store.consume(digest(), NOW)
        await store.open()
        await store.consume(digest(), NOW)

    home.play(first)
    assert home.play(lambda store: store.get("acme")).used == 2


def test_names_are_unique_and_a_refused_key_changes_nothing(home):
    async def story(store):
        await store.create(digest(), ACME)
        with pytest.raises(KeyNameTaken, match="'acme'"):
            await store.create(digest("second"), replace(ACME, limit=9))
        with pytest.raises(KeyNameTaken):
            await store.create(digest(), replace(ACME, name="other name, same digest"))
        assert await store.export() == [StoredKey(digest(), ACME)]

    home.play(story)


def test_of_many_creations_of_one_name_at_once_one_succeeds(home):
    async def story(store):
        creations = (store.create(digest(str(i)), ACME) for i in range(8))
        outcomes = await asyncio.gather(*creations, return_exceptions=True)
        assert outcomes.count(None) == 1
        assert sum(isinstance(outcome, KeyNameTaken) for outcome in outcomes) == 7

    home.play(story)


def test_adding_many_keys_adds_all_or_none(home):
    async def story(store):
        await store.create(digest("c"), replace(ACME, name="c"))
        keys = [StoredKey(digest(f"new {name}"), replace(ACME, name=name)) for name in "abcd"]
        with pytest.raises(KeyNameTaken, match="'c'"):
            await store.add(keys)
        assert [record.name for record in await store.all()] == ["c"]
        await store.add([])
        await store.add([key for key in keys if key.record.name != "c"])
        assert [record.name for record in await store.all()] == ["a", "b", "c", "d"]

    home.play(story)


def test_keys_are_listed_oldest_first(home):
    async def story(store):
        for name, age_s in ("young", 1), ("old", 3), ("middle", 2):
            await store.create(digest(name), replace(ACME, name=name, created_at=NOW - age_s * SECOND))
        assert [record.name for record in await store.all()] == ["old", "middle", "young"]

    home.play(story)


def test_an_unknown_name_is_not_found(home):
    async def story(store):
        for action in (
            store.get("nobody"),
            store.revoke("nobody", NOW),
            store.set_limit("nobody", 1),
            store.reset("nobody"),
        ):
            with pytest.raises(KeyNotFound, match="'nobody'"):
                await action

    home.play(story)


@pytest.mark.parametrize("name", ["Zürich 北京 🏦", "a'; DROP TABLE keys; --", '{"$ne": null}', "$where.x", "%"])
def test_any_printable_name_is_kept_as_it_is(home, name):
    async def story(store):
        await store.create(digest(), replace(ACME, name=name))
        assert (await store.get(name)).name == name
        assert (await store.reset(name)).name == name

    home.play(story)


def test_a_hash_id_of_any_text_is_looked_up_without_a_fault(home):
    async def story(store):
        for hash_id in "\ud800", "\udcff\x00", "", "ä" * 10_000, '{"$ne": null}':
            with pytest.raises(InvalidCredentials):
                await store.authenticate(digest_of(hash_id), NOW)
        await store.create(digest_of("\ud800"), ACME)
        assert await store.authenticate(digest_of("\ud800"), NOW) == ACME

    home.play(story)


def test_a_hash_id_is_64_hexadecimal_digits_and_never_the_same():
    made = {new_hash_id() for _ in range(100)}
    assert len(made) == 100
    assert all(len(bytes.fromhex(hash_id)) == 32 for hash_id in made)


def test_concurrent_consumption_in_one_store_is_exact(home):
    async def story(store):
        await store.create(digest(), replace(ACME, limit=33))
        outcomes = await asyncio.gather(*(store.consume(digest(), NOW) for _ in range(80)), return_exceptions=True)
        assert outcomes.count(None) == 33
        assert sum(isinstance(outcome, LimitReached) for outcome in outcomes) == 47
        assert (await store.get("acme")).used == 33

    home.play(story)


def test_consumption_by_four_processes_at_once_is_exact(home):
    home.play(lambda store: store.create(digest(), replace(ACME, limit=77)))
    counts = results_of([start_worker(home.url, 50) for _ in range(4)])
    assert sum(map(int, counts)) == 77, counts
    assert home.play(lambda store: store.get("acme")).used == 77


def test_a_home_can_be_made_by_four_processes_at_once(home):
    workers = [start_worker(home.url, 0) for _ in range(4)]
    assert results_of(workers) == ["0"] * 4


def test_a_home_can_be_made_by_many_stores_at_once(home):
    async def scene():
        stores = [key_store(home.url, 10) for _ in range(12)]
        try:
            await asyncio.gather(*(store.open() for store in stores))
            await stores[0].create(digest(), ACME)
            assert [await store.authenticate(digest(), NOW) for store in stores] == [ACME] * 12
        finally:
            for store in stores:
                await store.close()

    asyncio.run(scene())


def test_a_home_that_is_not_there_is_made_only_by_a_store_that_may(home):
    async def scene():
        store = key_store(home.url, 5, create=False)
        try:
            for refused in store.open, store.all, store.ping:
                with pytest.raises(KeyStoreUnavailable, match="`liveness keys create`"):
                    await refused()
            await asyncio.to_thread(home.play, lambda maker: maker.create(digest(), ACME))
            assert await store.authenticate(digest(), NOW) == ACME
        finally:
            await store.close()

    asyncio.run(scene())


def test_opening_and_closing_twice_does_no_harm(home):
    async def story(store):
        await store.open()
        await store.create(digest(), ACME)
        await store.open()
        await store.ping()
        assert await store.get("acme") == ACME
        await store.close()
        await store.close()

    home.play(story)
