"""Keys in a SQLite file, for the service that runs on one machine."""

# ruff: noqa: D102  KeyStore documents the methods

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from frontend.errors import InvalidCredentials, KeyNameTaken, KeyNotFound, KeyStoreUnavailable, StartRefused
from frontend.keys.sqlite_file import MIGRATIONS, SqliteFile
from frontend.keys.store import KeyRecord, StoredKey
from frontend.worker_thread import WorkerThread

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MILLISECOND = timedelta(milliseconds=1)
COLUMNS = "name, request_limit, used, created_ms, expires_ms, revoked_ms"
STUCK_DISK_GRACE_S = 0.25


class SqliteKeyStore:
    """`KeyStore` over one SQLite file, shared by any number of processes on one machine.

    The file is in write-ahead-logging mode, so that reads never wait for a writer. Counting is one statement under
    `synchronous = NORMAL`: it survives the death of any process, `kill -9` included, and needs no disk flush (0.2 to
    10 ms) per verdict; a power cut may forget the counts of the last seconds, never damage the file. Whatever an
    operator does (create, revoke, set-limit, reset, import) is flushed to disk before it is reported as done.
    See https://www.sqlite.org/pragma.html#pragma_synchronous.

    Every blocking call runs on one thread of this store, in the order of asking. `timeout_s` bounds each call, the
    wait for that thread and for other processes' locks included; a request cancelled while it waits counts nothing.
    """

    def __init__(self, path: Path, timeout_s: float, *, create: bool = True) -> None:
        self._file = SqliteFile(path, create=create)
        self._timeout_s = timeout_s
        self._thread: WorkerThread | None = None

    async def open(self) -> None:
        if self._thread is None:
            self._thread = WorkerThread("keys")
        await self._run(_look, starting=True)

    async def close(self) -> None:
        if self._thread is not None:
            thread, self._thread = self._thread, None
            with suppress(asyncio.TimeoutError):
                await thread.run(self._file.close, self._timeout_s)
            thread.end()

    async def ping(self) -> None:
        await self._run(_write_nothing_new)

    async def authenticate(self, digest: bytes, now: datetime) -> KeyRecord:
        record = await self._run(lambda file: _find(file, "digest", digest))
        if record is None:
            raise InvalidCredentials
        record.require_usable(now)
        return record

    async def consume(self, digest: bytes, now: datetime) -> None:
        if await self._run(lambda file: _count_one(file, digest, _ms(now))):
            return
        await self.authenticate(digest, now)
        raise KeyStoreUnavailable("the key was changed while a verdict was counted; nothing was counted")

    async def create(self, digest: bytes, record: KeyRecord) -> None:
        await self.add([StoredKey(digest, record)])

    async def add(self, keys: Sequence[StoredKey]) -> None:
        await self._run(lambda file: _insert_all(file, keys))

    async def export(self) -> list[StoredKey]:
        return await self._run(_all)

    async def all(self) -> list[KeyRecord]:
        return [key.record for key in await self.export()]

    async def get(self, name: str) -> KeyRecord:
        record = await self._run(lambda file: _find(file, "name", name))
        if record is None:
            raise _not_found(name)
        return record

    async def revoke(self, name: str, now: datetime) -> KeyRecord:
        return await self._change(name, "revoked_ms = coalesce(revoked_ms, ?)", _ms(now))

    async def set_limit(self, name: str, limit: int | None) -> KeyRecord:
        return await self._change(name, "request_limit = ?", limit)

    async def reset(self, name: str) -> KeyRecord:
        return await self._change(name, "used = ?", 0)

    async def _change(self, name: str, assignment: str, value: int | None) -> KeyRecord:
        def change(file: sqlite3.Connection) -> KeyRecord | None:
            with _durable_transaction(file):
                file.execute(f"UPDATE keys SET {assignment} WHERE name = ?", (value, name))  # noqa: S608
                return _find(file, "name", name)

        record = await self._run(change)
        if record is None:
            raise _not_found(name)
        return record

    async def _run(self, job: Callable[[sqlite3.Connection], T], *, starting: bool = False) -> T:
        if self._thread is None:
            raise KeyStoreUnavailable("the key store is not open")
        deadline = time.monotonic() + self._timeout_s
        try:
            return await self._thread.run(partial(self._file.run, job, deadline), self._timeout_s + STUCK_DISK_GRACE_S)
        except asyncio.TimeoutError:
            raise KeyStoreUnavailable(f"{self._file.path}: the disk does not answer") from None
        except StartRefused as refusal:
            if starting:
                raise
            raise KeyStoreUnavailable(str(refusal)) from None


@contextmanager
def _durable_transaction(file: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and flushed to disk, with every count before it, when it ends."""
    file.execute("PRAGMA synchronous = FULL")
    try:
        with file:
            file.execute("BEGIN IMMEDIATE")
            yield
    finally:
        file.execute("PRAGMA synchronous = NORMAL")


def _look(file: sqlite3.Connection) -> None:
    file.execute("SELECT count(*) FROM (SELECT 1 FROM keys LIMIT 1)").fetchone()


def _write_nothing_new(file: sqlite3.Connection) -> None:
    """Commit a page as it is: a file that is locked, full or read-only can be read, but no verdict be counted in it."""
    _look(file)
    file.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _count_one(file: sqlite3.Connection, digest: bytes, now_ms: int) -> bool:
    statement = """
        UPDATE keys SET used = used + 1
        WHERE digest = ? AND revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > ?)
            AND (request_limit IS NULL OR used < request_limit)
    """
    return file.execute(statement, (digest, now_ms)).rowcount == 1


def _insert_all(file: sqlite3.Connection, keys: Sequence[StoredKey]) -> None:
    with _durable_transaction(file):
        for key in keys:
            _insert(file, key)


def _insert(file: sqlite3.Connection, key: StoredKey) -> None:
    record = key.record
    times = _ms(record.created_at), _ms_or_none(record.expires_at), _ms_or_none(record.revoked_at)
    row = (key.digest, record.name, record.limit, record.used, *times)
    try:
        file.execute(f"INSERT INTO keys (digest, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)  # noqa: S608
    except sqlite3.IntegrityError:
        raise KeyNameTaken(f"there is a key named {record.name!r} already, or one with the same digest") from None


def _all(file: sqlite3.Connection) -> list[StoredKey]:
    rows = file.execute(f"SELECT digest, {COLUMNS} FROM keys ORDER BY created_ms, name")  # noqa: S608
    return [StoredKey(digest, _record(row)) for digest, *row in rows]


def _find(file: sqlite3.Connection, column: str, value: bytes | str) -> KeyRecord | None:
    row = file.execute(f"SELECT {COLUMNS} FROM keys WHERE {column} = ?", (value,)).fetchone()  # noqa: S608
    return None if row is None else _record(row)


def _record(row: Sequence[Any]) -> KeyRecord:
    name, limit, used, created_ms, expires_ms, revoked_ms = row
    return KeyRecord(name, limit, used, _time(created_ms), _time_or_none(expires_ms), _time_or_none(revoked_ms))


def _ms(time_: datetime) -> int:
    return (time_ - EPOCH) // MILLISECOND


def _ms_or_none(time_: datetime | None) -> int | None:
    return None if time_ is None else _ms(time_)


def _time(ms: int) -> datetime:
    return EPOCH + ms * MILLISECOND


def _time_or_none(ms: int | None) -> datetime | None:
    return None if ms is None else _time(ms)


def _not_found(name: str) -> KeyNotFound:
    return KeyNotFound(f"there is no key named {name!r}")
