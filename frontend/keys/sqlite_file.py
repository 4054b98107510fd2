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

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = path
        self._create = create
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._busy_ms = -1

    def run(self, job: Callable[[sqlite3.Connection], T], deadline: float) -> T:
        """What `job` returns, called with an open connection in autocommit mode.

        `deadline` is a `time.monotonic()` second, later than which no lock is waited for. Raises
        KeyStoreUnavailable for everything that SQLite or the file system refuses; the next call then starts afresh.
        Raises StartRefused for a file that is not one of these keys.
        """
        try:
            return job(self._connected(deadline))
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise KeyStoreUnavailable(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with suppress(sqlite3.Error):
                connection.close()

    def _connected(self, deadline: float) -> sqlite3.Connection:
        if self._identity is not None and _identity_of(self.path) != self._identity:
            raise KeyStoreUnavailable(
                f"{self.path} is gone or was replaced; put the old file back, or stop the service, remove what is left "
                f"of the old file's {self.path.name}-wal and {self.path.name}-shm, and start it again"
            )
        if self._connection is None:
            self._connection = self._connect(deadline, may_create=self._create and self._identity is None)
            self._identity = _identity_of(self.path)
        self._limit_lock_waits(self._connection, deadline)
        return self._connection

    def _connect(self, deadline: float, *, may_create: bool) -> sqlite3.Connection:
        file = Path(os.path.realpath(self.path))  # beside which SQLite has its log
        _require_file(file, may_create=may_create)
        with ExitStack() as on_failure:
            connection = sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, isolation_level=None)
            on_failure.callback(connection.close)
            self._busy_ms = -1
            self._limit_lock_waits(connection, deadline)
            has_tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,)
            version = _version_of(connection)  # read last: another process may be making the tables
            if version > len(MIGRATIONS):
                raise StartRefused(f"{self.path} was made by a newer liveness (schema {version}); upgrade this one")
            if version == 0 and not may_create:
                raise KeyStoreUnavailable(f"{self.path} is a file without keys")
            if version == 0 and has_tables:
                raise StartRefused(f"{self.path} is another program's database; mend LIVENESS_KEYS_URL")
            if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise KeyStoreUnavailable(f"{self.path} is damaged; restore it from a backup")
            _narrow_modes(file)
            _switch_to_wal(connection, deadline)
            connection.execute("PRAGMA synchronous = NORMAL")
            if version < len(MIGRATIONS):
                self._migrate(connection)
            on_failure.pop_all()
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for step in MIGRATIONS[_version_of(connection) :]:
                connection.execute(step)
            connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _limit_lock_waits(self, connection: sqlite3.Connection, deadline: float) -> None:
        busy_ms = max(0, int((deadline - time.monotonic()) * 1000))
        if busy_ms != self._busy_ms:
            connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
            self._busy_ms = busy_ms


def _require_file(path: Path, *, may_create: bool) -> None:
    """Make the file where it is missing and may be made; KeyStoreUnavailable where not.

    Never beside the log of a file that was moved away: SQLite would discard that log, and what it alone holds.
    """
    wal = _beside(path, "-wal")
    if _size_of(wal) and not _size_of(path):  # in this order: whoever makes a file fills it before its log
        raise KeyStoreUnavailable(
            f"{path} is missing or empty, but {wal.name} holds changes to it; put the file back, or stop the "
            f"service, remove {wal.name} and {path.name}-shm, and start it again to begin anew"
        )
    if may_create:
        _create_private(path)
    elif not _size_of(path):
        raise KeyStoreUnavailable(
            f"{path} is missing or empty; put it back, or begin anew: `liveness keys create` makes it, and so "
            "does the start of the service"
        )


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116  pathlib's detour costs as much as the query; this runs on each
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _create_private(path: Path) -> None:
    """Make the file (mode 0600; its log and index inherit that) and its folder (0700), unless they are there.

    Never by opening it: closing a second descriptor would drop the locks that SQLite holds for this process.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.mknod(path, 0o600)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _narrow_modes(path: Path) -> None:
    """Let nobody but its owner read or write the file, its log and its index."""
    for file in path, _beside(path, "-wal"), _beside(path, "-shm"):
        with suppress(FileNotFoundError):
            status = file.stat()
            if status.st_mode & 0o077 and status.st_uid == os.geteuid():
                file.chmod(status.st_mode & 0o700)


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
