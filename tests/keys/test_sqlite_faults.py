"""A SQLite file that is locked, full, read-only or damaged: unavailable, and then it works again."""

import asyncio
import ctypes
import os
import resource
import shutil
import sqlite3
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from frontend.errors import InvalidCredentials, KeyStoreUnavailable
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id
from tests.keys.sqlite_files import ACME, DIGEST, NOW, TIMEOUT_S, beside, counts_until_killed, make_key, path_of

NOBODY = 65534
SYS_SETRESUID = 117  # x86-64


@contextmanager
def locked(path):
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@contextmanager
def as_nobody():
    """Without root's power to write what is read-only; in this thread and those it starts, others keep theirs."""
    if os.geteuid() != 0:
        yield
        return
    _set_effective_user_of_this_thread(NOBODY)
    try:
        yield
    finally:
        _set_effective_user_of_this_thread(0)


def _set_effective_user_of_this_thread(user):
    """The system call, which the kernel takes for one thread; the C library's function makes it in all of them."""
    assert ctypes.CDLL(None).syscall(SYS_SETRESUID, -1, user, -1) == 0


@contextmanager
def largest_file(size_bytes):
    """Refuse to let any file grow beyond this, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_files_and_their_folder_are_private_whatever_the_umask(sqlite_home):
    old = os.umask(0)
    try:

        async def story(store):
            await store.create(DIGEST, ACME)
            return {file.name: oct(file.stat().st_mode & 0o777) for file in path_of(sqlite_home).parent.iterdir()}

        modes = sqlite_home.play(story)
    finally:
        os.umask(old)
    assert modes == dict.fromkeys(["keys.sqlite3", "keys.sqlite3-wal", "keys.sqlite3-shm"], "0o600")
    assert path_of(sqlite_home).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_others_may_read_is_made_private(sqlite_home, create):
    path = make_key(sqlite_home)
    path.chmod(0o664)

    async def scene():
        store = key_store(sqlite_home.url, TIMEOUT_S, create=create)
        await store.open()
        modes = {oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()}
        await store.close()
        return modes

    assert asyncio.run(scene()) == {"0o600"}


def test_no_file_ever_holds_the_hash_id(sqlite_home):
    hash_id = new_hash_id()
    secret = bytes.fromhex(hash_id)

    async def story(store):
        await store.create(digest_of(hash_id), ACME)
        await store.authenticate(digest_of(hash_id), NOW)
        await store.consume(digest_of(hash_id), NOW)
        return b"".join(file.read_bytes() for file in path_of(sqlite_home).parent.iterdir())

    written = sqlite_home.play(story)
    assert digest_of(hash_id) in written
    assert hash_id.encode() not in written
    assert secret not in written


def test_a_locked_file_is_unavailable_in_time_counts_nothing_late_and_then_works(sqlite_home):
    path = make_key(sqlite_home)

    async def story(store):
        with locked(path):
            begun = time.monotonic()
            calls = (store.consume(DIGEST, NOW) for _ in range(10))
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            took_s = time.monotonic() - begun
        assert all(isinstance(outcome, KeyStoreUnavailable) for outcome in outcomes), outcomes
        assert TIMEOUT_S * 0.9 < took_s < 5 * TIMEOUT_S, "one after another they would take ten times as long"
        await store.consume(DIGEST, NOW)
        assert (await store.get("acme")).used == 1

    sqlite_home.play(story, TIMEOUT_S)


def test_a_short_lock_is_waited_for(sqlite_home):
    path = make_key(sqlite_home)

    async def story(store):
        with locked(path):
            waiting = asyncio.create_task(store.consume(DIGEST, NOW))
            await asyncio.sleep(0.2)
            assert not waiting.done()
        await waiting

    sqlite_home.play(story)


def test_a_locked_file_can_still_be_read(sqlite_home):
    path = make_key(sqlite_home)

    async def story(store):
        with locked(path):
            assert await store.authenticate(DIGEST, NOW) == ACME
            with pytest.raises(InvalidCredentials):
                await store.authenticate(bytes(32), NOW)

    sqlite_home.play(story, TIMEOUT_S)


def test_the_event_loop_runs_on_while_the_file_is_locked(sqlite_home):
    path = make_key(sqlite_home)

    async def story(store):
        turns = 0
        with locked(path):
            waiting = asyncio.create_task(store.consume(DIGEST, NOW))
            while not waiting.done():
                await asyncio.sleep(0.005)
                turns += 1
        with pytest.raises(KeyStoreUnavailable):
            await waiting
        assert turns > 5

    sqlite_home.play(story, TIMEOUT_S)


def test_a_call_cancelled_while_it_waits_its_turn_counts_nothing(sqlite_home):
    path = make_key(sqlite_home)

    async def story(store):
        with locked(path):
            first = asyncio.create_task(store.consume(DIGEST, NOW))
            second = asyncio.create_task(store.consume(DIGEST, NOW))
            await asyncio.sleep(0.1)
            second.cancel()
            await asyncio.sleep(0)
        await first
        assert (await store.get("acme")).used == 1

    sqlite_home.play(story)


@pytest.mark.parametrize("folder_mode", [0o555, 0o777])
def test_a_read_only_file_is_unavailable_and_then_works(sqlite_home, folder_mode):
    folder = Path(tempfile.mkdtemp(prefix="liveness-read-only-"))
    try:
        home = type(sqlite_home)(f"sqlite://{folder}/keys.sqlite3")
        path = make_key(home)
        path.chmod(0o444)
        folder.chmod(folder_mode)
        with as_nobody(), pytest.raises(KeyStoreUnavailable, match=r"keys\.sqlite3"):
            home.play(lambda store: store.consume(DIGEST, NOW))
        folder.chmod(0o700)
        path.chmod(0o600)
        home.play(lambda store: store.consume(DIGEST, NOW))
        assert home.play(lambda store: store.get("acme")).used == 1
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_full_disk_is_unavailable_counts_nothing_and_then_works(sqlite_home):
    path = make_key(sqlite_home)

    async def story(store):
        await store.consume(DIGEST, NOW)
        with largest_file(beside(path, "-wal").stat().st_size):
            for _ in range(3):
                with pytest.raises(KeyStoreUnavailable, match=r"keys\.sqlite3"):
                    await store.consume(DIGEST, NOW)
                with pytest.raises(KeyStoreUnavailable):
                    await store.create(digest_of("second"), KeyRecord("second", None, 0, NOW))
        await store.consume(DIGEST, NOW)
        await store.create(digest_of("second"), KeyRecord("second", None, 0, NOW))
        assert [record.used for record in await store.all()] == [2, 0]

    sqlite_home.play(story)


@pytest.mark.parametrize("content", [b"not a database at all" * 1000, b"SQLite format 3\0" + b"\xff" * 8176])
def test_a_file_that_is_no_database_is_unavailable(sqlite_home, content):
    path = make_key(sqlite_home)
    path.write_bytes(content)
    with pytest.raises(KeyStoreUnavailable, match=r"keys\.sqlite3"):
        sqlite_home.play(lambda store: store.authenticate(DIGEST, NOW))
    assert path.read_bytes() == content


def test_a_damaged_page_is_unavailable_and_no_wrong_credential(sqlite_home):
    path = make_key(sqlite_home)
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    with pytest.raises(KeyStoreUnavailable):
        sqlite_home.play(lambda store: store.authenticate(DIGEST, NOW))


def test_a_folder_in_place_of_the_file_is_unavailable(sqlite_home):
    path_of(sqlite_home).mkdir(parents=True)
    with pytest.raises(KeyStoreUnavailable):
        sqlite_home.play(lambda store: store.ping())


def test_a_file_in_place_of_the_folder_is_unavailable(sqlite_home):
    path_of(sqlite_home).parent.write_text("in the way")
    with pytest.raises(KeyStoreUnavailable):
        sqlite_home.play(lambda store: store.ping())


def test_a_store_that_could_not_open_works_once_its_place_is_mended(sqlite_home):
    obstacle = path_of(sqlite_home).parent
    obstacle.write_text("in the way")

    async def scene():
        store = key_store(sqlite_home.url, 2)
        with pytest.raises(KeyStoreUnavailable):
            await store.open()
        with pytest.raises(KeyStoreUnavailable):
            await store.authenticate(DIGEST, NOW)
        obstacle.unlink()
        await store.create(DIGEST, ACME)
        assert await store.authenticate(DIGEST, NOW) == ACME
        await store.close()

    asyncio.run(scene())


def test_counts_survive_kill_9(sqlite_home):
    make_key(sqlite_home)
    seen = counts_until_killed(sqlite_home)
    used = sqlite_home.play(lambda store: store.get("acme")).used
    assert seen >= 200
    assert used - seen in {0, 1}, "every verdict that was reported is counted, and at most one more"
