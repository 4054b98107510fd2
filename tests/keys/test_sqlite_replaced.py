"""A SQLite file that was moved away, replaced or restored, or is another program's: nothing in it is lost or spoilt."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest

from frontend.errors import KeyStoreUnavailable, StartRefused
from frontend.keys.homes import key_store
from tests.keys.sqlite_files import ACME, DIGEST, NOW, TIMEOUT_S, beside, counts_until_killed, make_key, path_of


def test_a_file_moved_away_is_unavailable_never_made_anew_and_works_once_it_is_back(sqlite_home):
    path = make_key(sqlite_home)
    away = path.with_name("away")

    async def story(store):
        await store.consume(DIGEST, NOW)
        path.rename(away)
        for refused in store.authenticate, store.consume:
            with pytest.raises(KeyStoreUnavailable, match="gone"):
                await refused(DIGEST, NOW)
        assert not path.exists()
        away.rename(path)
        await store.consume(DIGEST, NOW)
        assert (await store.get("acme")).used == 2

    sqlite_home.play(story)


def test_a_file_replaced_by_another_home_is_unavailable_until_it_is_back(sqlite_home, tmp_path):
    path = make_key(sqlite_home)
    away, other = tmp_path / "away", type(sqlite_home)(f"sqlite://{tmp_path}/other/keys.sqlite3")
    away.mkdir()

    async def story(store):
        await store.consume(DIGEST, NOW)
        for file in path, beside(path, "-wal"), beside(path, "-shm"):
            file.rename(away / file.name)
        path_of(other).rename(path)
        for refused in store.authenticate, store.consume:
            with pytest.raises(KeyStoreUnavailable, match="replaced"):
                await refused(DIGEST, NOW)
        for file in away.iterdir():
            file.rename(path.with_name(file.name))
        await store.consume(DIGEST, NOW)

    other.play(lambda store: store.ping())
    sqlite_home.play(story)
    assert sqlite_home.play(lambda store: store.get("acme")).used == 2


def test_a_file_restored_from_a_backup_is_taken_up_by_the_next_start(sqlite_home, tmp_path):
    path = make_key(sqlite_home)
    backup = shutil.copy(path, tmp_path / "backup")
    sqlite_home.play(lambda store: store.revoke("acme", NOW))
    shutil.move(backup, path)
    assert sqlite_home.play(lambda store: store.authenticate(DIGEST, NOW)) == ACME


@pytest.fixture(params=[False, True], ids=["the file", "a link to it"])
def linked_home(sqlite_home, tmp_path, request):
    """The home, named by its file or by a link elsewhere."""
    if not request.param:
        return sqlite_home
    link = tmp_path / "link"
    link.symlink_to(path_of(sqlite_home))
    return type(sqlite_home)(f"sqlite://{link}")


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("is_empty", [True, False], ids=["an empty file", "no file"])
def test_the_log_of_a_file_that_was_moved_away_is_kept(sqlite_home, linked_home, is_empty, create):
    path = path_of(sqlite_home)
    linked_home.play(lambda store: store.create(DIGEST, ACME))
    away, wal = path.with_name("away"), beside(path, "-wal")
    seen = counts_until_killed(sqlite_home)
    path.rename(away)
    if is_empty:
        path.touch(mode=0o644)
    files = {file: file.read_bytes() for file in path.parent.iterdir()}

    async def opened():
        with pytest.raises(KeyStoreUnavailable, match=r"put the file back.*remove keys\.sqlite3-wal"):
            await key_store(linked_home.url, TIMEOUT_S, create=create).open()

    asyncio.run(opened())
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == files
    assert len(files[wal]) > 0
    away.rename(path)
    assert sqlite_home.play(lambda store: store.get("acme")).used - seen in {0, 1}


def test_a_database_without_tables_becomes_a_home_only_where_one_may_be_made(sqlite_home):
    path = path_of(sqlite_home)
    path.parent.mkdir()
    sqlite3.connect(path, isolation_level=None).execute("PRAGMA journal_mode = WAL").connection.close()

    async def opened():
        with pytest.raises(KeyStoreUnavailable, match="without keys"):
            await key_store(sqlite_home.url, TIMEOUT_S, create=False).open()

    asyncio.run(opened())
    assert sqlite_home.play(lambda store: store.all()) == []


def test_a_replaced_file_beside_the_log_of_the_old_one_is_not_touched(sqlite_home, tmp_path):
    path = make_key(sqlite_home)
    backup = Path(shutil.copy(path, tmp_path / "backup"))
    content = backup.read_bytes()

    async def story(store):
        await store.consume(DIGEST, NOW)
        shutil.move(backup, path)
        for _ in range(2):
            with pytest.raises(KeyStoreUnavailable, match=r"keys\.sqlite3-wal"):
                await store.authenticate(DIGEST, NOW)

    sqlite_home.play(story)
    assert path.read_bytes() == content


def test_a_file_replaced_by_an_empty_one_is_unavailable_and_no_wrong_credential(sqlite_home):
    path = make_key(sqlite_home)

    async def story(store):
        for file in path, beside(path, "-wal"), beside(path, "-shm"):
            file.unlink()
        path.touch()
        for refused in store.authenticate, store.consume:
            with pytest.raises(KeyStoreUnavailable, match="replaced"):
                await refused(DIGEST, NOW)

    sqlite_home.play(story)
    assert path.stat().st_size == 0


def test_the_file_of_a_newer_version_or_of_another_program_is_refused(sqlite_home, tmp_path):
    path = make_key(sqlite_home)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    with pytest.raises(StartRefused, match="newer liveness"):
        sqlite_home.play(lambda store: store.ping())

    path.unlink()
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE songs (title)")
    file.close()
    path.chmod(0o644)
    content = path.read_bytes()
    with pytest.raises(StartRefused, match="LIVENESS_KEYS_URL"):
        sqlite_home.play(lambda store: store.ping())
    assert path.read_bytes() == content
    assert path.stat().st_mode & 0o777 == 0o644, "its other readers can still read it"


def test_a_file_of_a_newer_version_that_was_away_at_the_start_is_unavailable(sqlite_home):
    path = make_key(sqlite_home)
    away = path.rename(path.with_name("away"))
    with sqlite3.connect(away) as file:
        file.execute("PRAGMA user_version = 99")
    file.close()

    async def scene():
        store = key_store(sqlite_home.url, TIMEOUT_S, create=False)
        with pytest.raises(KeyStoreUnavailable):
            await store.open()
        away.rename(path)
        with pytest.raises(KeyStoreUnavailable, match="newer liveness"):
            await store.authenticate(DIGEST, NOW)
        with pytest.raises(StartRefused, match="newer liveness"):
            await store.open()
        await store.close()

    asyncio.run(scene())
