"""A key that was valid a moment ago is not asked for again, and gets no verdict that the database would not allow."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from frontend.errors import InvalidCredentials, KeyStoreUnavailable, LimitReached
from frontend.keys.recent import RecentKeys
from frontend.keys.store import KeyRecord, digest_of

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
ACME = KeyRecord("acme", 2, 0, NOW)
DIGEST = digest_of("hash_id of acme")


def test_a_key_that_is_revoked_meanwhile_is_refused_when_its_verdict_is_counted(home):
    async def story(store):
        keys = RecentKeys(store, 60)
        await store.create(DIGEST, ACME)
        assert await keys.authenticate(DIGEST, NOW) == ACME
        await store.revoke("acme", NOW)
        assert await keys.authenticate(DIGEST, NOW) == ACME  # remembered: the database was not asked
        with pytest.raises(InvalidCredentials):
            await keys.consume(DIGEST, NOW)
        with pytest.raises(InvalidCredentials):
            await keys.authenticate(DIGEST, NOW)
        assert (await store.get("acme")).used == 0

    home.play(story)


def test_a_limit_is_reached_as_exactly_as_without(home):
    async def story(store):
        first, second = RecentKeys(store, 60), RecentKeys(store, 60)  # as of two processes
        await store.create(DIGEST, ACME)
        for keys in first, second:
            await keys.authenticate(DIGEST, NOW)
            await keys.consume(DIGEST, NOW)
        assert (await first.authenticate(DIGEST, NOW)).used == 1
        with pytest.raises(LimitReached):
            await first.consume(DIGEST, NOW)
        for keys in first, second:
            with pytest.raises(LimitReached):
                await keys.authenticate(DIGEST, NOW)
        assert (await store.get("acme")).used == 2

    home.play(story)


@pytest.mark.parametrize("raise_limit", [lambda store: store.set_limit("acme", 3), lambda store: store.reset("acme")])
def test_a_limit_that_was_reached_and_is_raised_elsewhere_is_known_at_once(home, raise_limit):
    async def story(store):
        keys = RecentKeys(store, 60)
        await store.create(DIGEST, ACME)
        for _ in range(2):
            await keys.authenticate(DIGEST, NOW)
            await keys.consume(DIGEST, NOW)
        with pytest.raises(LimitReached):
            await keys.authenticate(DIGEST, NOW)
        changed = await raise_limit(store)
        assert await keys.authenticate(DIGEST, NOW) == changed
        await keys.consume(DIGEST, NOW)

    home.play(story)


def test_what_is_refused_is_never_remembered(home):
    async def story(store):
        keys = RecentKeys(store, 60)
        with pytest.raises(InvalidCredentials):
            await keys.authenticate(DIGEST, NOW)
        await store.create(DIGEST, ACME)
        assert await keys.authenticate(DIGEST, NOW) == ACME

    home.play(story)


def test_a_key_expires_while_it_is_remembered_and_the_database_says_so(home):
    async def story(store):
        keys = RecentKeys(store, 60)
        await store.create(DIGEST, replace(ACME, expires_at=NOW + timedelta(seconds=5)))
        await keys.authenticate(DIGEST, NOW)
        with pytest.raises(InvalidCredentials):
            await keys.authenticate(DIGEST, NOW + timedelta(seconds=5))
        await keys.authenticate(DIGEST, NOW)
        await store.close()
        with pytest.raises(KeyStoreUnavailable):
            await keys.authenticate(DIGEST, NOW + timedelta(seconds=5))

    home.play(story)


def test_nothing_is_remembered_for_no_time(home):
    async def story(store):
        keys = RecentKeys(store, 0)
        await store.create(DIGEST, ACME)
        await keys.authenticate(DIGEST, NOW)
        await store.revoke("acme", NOW)
        with pytest.raises(InvalidCredentials):
            await keys.authenticate(DIGEST, NOW)

    home.play(story)
