"""The SQLite file of keys: creating, opening and migrating it, and noticing that it went away.

Everything here blocks and belongs on one thread.
"""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from frontend.errors import KeyStoreUnavailable, StartRefused

T = TypeVar("T")

MIGRATIONS = (
    """
    CREATE TABLE keys (
        digest BLOB NOT NULL PRIMARY KEY CHECK (typeof(digest) = 'blob' AND length(digest) = 32),
        name TEXT NOT NULL UNIQUE,
        request_limit INTEGER CHECK (request_limit >= 0),
        used INTEGER NOT NULL CHECK (used >= 0),
        created_ms INTEGER NOT NULL,
        expires_ms INTEGER,
        revoked_ms INTEGER
    ) WITHOUT ROWID
    """,
)
"""Step N brings `PRAGMA user_version` from N to N + 1; times are milliseconds since 1970, UTC."""


class SqliteFile:
    """A SQLite database that may be locked, full, damaged, moved away and put back while it is in use."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._wal_identity: tuple[int, int] | None = None
        self._busy_ms = -1

    def run(self, job: Callable[[sqlite3.Connection], T], deadline: float) -> T:
        """What `job` returns, called with an open connection in autocommit mode.

        `deadline` is a `time.monotonic()` second, later than which no lock is waited for. Raises
        KeyStoreUnavailable for everything that SQLite or the file system refuses; the next call then starts afresh.
        """
        try:
            return job(self._connected(deadline))
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise KeyStoreUnavailable(f"{self.path}: {error}") from error
        except StartRefused as refusal:
            if self._identity is None:
                raise
            raise KeyStoreUnavailable(str(refusal)) from None

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(sqlite3.Error):
                connection.close()

    def _connected(self, deadline: float) -> sqlite3.Connection:
        identity = _identity_of(self.path)
        if self._connection is None or identity != self._identity:
            if self._identity is not None and identity is None:
                raise KeyStoreUnavailable(f"{self.path} is gone; put it back, or restart the service to begin anew")
            if self._has_stale_wal(identity):
                raise KeyStoreUnavailable(
                    f"{self.path} was replaced but its old write-ahead log stayed; stop the service and every "
                    f"`liveness keys`, remove {self.path.name}-wal and {self.path.name}-shm, and start it again"
                )
            self.close()
            if self._identity is None:
                _create_private(self.path)
            self._connection = self._connect(deadline, may_be_empty=self._identity is None)
            self._identity = _identity_of(self.path)
            self._wal_identity = _identity_of(self._wal_path)
        self._limit_lock_waits(self._connection, deadline)
        return self._connection

    def _connect(self, deadline: float, *, may_be_empty: bool) -> sqlite3.Connection:
        with ExitStack() as on_failure:
            connection = sqlite3.connect(f"{self.path.as_uri()}?mode=rw", uri=True, isolation_level=None)
            on_failure.callback(connection.close)
            self._busy_ms = -1
            self._limit_lock_waits(connection, deadline)
            version = _version_of(connection)
            if version > len(MIGRATIONS):
                raise StartRefused(f"{self.path} was made by a newer liveness (schema {version}); upgrade this one")
            if version == 0 and not may_be_empty:
                raise KeyStoreUnavailable(f"{self.path} was replaced by a file without keys")
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise KeyStoreUnavailable(f"{self.path} is damaged; restore it from a backup")
            _switch_to_wal(connection, deadline)
            connection.execute("PRAGMA synchronous = NORMAL")
            if version < len(MIGRATIONS):
                self._migrate(connection)
            on_failure.pop_all()
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            version = _version_of(connection)
            if version == 0 and connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
                raise StartRefused(f"{self.path} is another program's database; mend LIVENESS_KEYS_URL")
            for step in MIGRATIONS[version:]:
                connection.execute(step)
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _limit_lock_waits(self, connection: sqlite3.Connection, deadline: float) -> None:
        busy_ms = max(0, int((deadline - time.monotonic()) * 1000))
        if busy_ms != self._busy_ms:
            connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
            self._busy_ms = busy_ms

    def _has_stale_wal(self, identity: tuple[int, int] | None) -> bool:
        """Whether opening the file now would replay another database's log onto it.

        See "Unlinking or renaming a database file while in use", https://www.sqlite.org/howtocorrupt.html.
        """
        if self._identity is None or identity == self._identity:
            return False
        wal = _identity_of(self._wal_path)
        return wal is not None and wal == self._wal_identity and self._wal_path.stat().st_size > 0

    @property
    def _wal_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}-wal")


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116  pathlib's detour costs as much as the query; this runs on each
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _create_private(path: Path) -> None:
    """Make the file (mode 0600; its log and index inherit that) and its folder (0700), or narrow the file's mode.

    Never by opening it: closing a second descriptor would drop the locks that SQLite holds for this process.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.mknod(path, 0o600)
    status = path.stat()
    if status.st_mode & 0o077 and status.st_uid == os.geteuid():
        path.chmod(status.st_mode & 0o700)


def _version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _switch_to_wal(connection: sqlite3.Connection, deadline: float) -> None:
    """Switch the file to write-ahead logging; SQLite does not wait for others that do the same, so this does."""
    while not _is_wal(connection):
        if time.monotonic() >= deadline:
            raise KeyStoreUnavailable("other processes kept the key file locked")
        time.sleep(0.005)


def _is_wal(connection: sqlite3.Connection) -> bool:
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    if mode != "wal":
        raise KeyStoreUnavailable("the file system of the key file does not allow write-ahead logging")
    return True
