"""The MongoDB database of keys: connecting, checking the server, making the indexes, and naming what is wrong."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timezone
from typing import Any

from bson.codec_options import CodecOptions
from pymongo import AsyncMongoClient, ReadPreference
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, DuplicateKeyError, OperationFailure, PyMongoError

from frontend.errors import KeyStoreUnavailable, StartRefused

Document = dict[str, Any]

OLDEST_MAJOR_VERSION = 7
SCHEMA_VERSION = 1
MARK = {"_id": "schema"}
"""Which document of the collection `meta` holds the version; a database of keys always has it."""
EMPTIED = "the key database was emptied; restore it, or restart to begin anew"
DEFAULT_DATABASE = "liveness"
REFUSALS = {
    13: "the user may not use this database; grant it readWrite there",
    18: "user or password is wrong, or the user lives in another database (add ?authSource=admin)",
    8000: "user or password is wrong",
}
"""What the server's error codes Unauthorized, AuthenticationFailed and AtlasError mean for the operator."""


def client_for(url: str, timeout_s: float) -> AsyncMongoClient[Document]:
    """A client of this address, not yet connected; to be made inside the running event loop.

    Only what keeps a count exact is set over the address's own options. Raises StartRefused for an address that
    pymongo does not take, without its text, of which any part may belong to a password.
    """
    timeout_ms = max(1, int(timeout_s * 1000))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            return AsyncMongoClient(
                url,
                appname="liveness",
                tz_aware=True,
                tzinfo=timezone.utc,
                retryWrites=True,
                retryReads=True,
                w="majority",
                journal=True,
                serverSelectionTimeoutMS=timeout_ms,
                connectTimeoutMS=timeout_ms,
                socketTimeoutMS=timeout_ms,
                waitQueueTimeoutMS=timeout_ms,
            )
    except (PyMongoError, ValueError, TypeError, UserWarning, DeprecationWarning):
        raise StartRefused(
            "LIVENESS_KEYS_URL is no valid MongoDB address; it reads mongodb://USER:PASSWORD@HOST:27017/DATABASE"
            "?OPTIONS, with special characters of user and password percent-encoded and options that pymongo knows"
        ) from None
    except OSError as error:
        raise StartRefused(f"LIVENESS_KEYS_URL: cannot read {error.filename}: {error.strerror}") from None


def database_of(client: AsyncMongoClient[Document]) -> AsyncDatabase[Document]:
    """The database that the address names, else `liveness`; always read from the primary."""
    return client.get_default_database(
        DEFAULT_DATABASE,
        codec_options=CodecOptions(tz_aware=True, tzinfo=timezone.utc),
        read_preference=ReadPreference.PRIMARY,
    )


async def prepare(database: AsyncDatabase[Document], *, create: bool) -> None:
    """Check the server's version, then make or migrate collections and indexes; idempotent, also in several at once.

    Raises StartRefused with cause and mend for what waiting cannot help, KeyStoreUnavailable for the rest, also for a
    database that was never prepared where `create` is false.
    """
    with named_failures(starting=True):
        version = await database.command("buildInfo")
        if version["versionArray"][0] < OLDEST_MAJOR_VERSION:
            raise StartRefused(
                f"MongoDB {version['version']} is too old; LIVENESS_KEYS_URL needs {OLDEST_MAJOR_VERSION}.0 or newer"
            )
        found = await database.meta.find_one(MARK)
        if found is None and not create:
            raise KeyStoreUnavailable(
                "the key database is empty; restore it, or begin anew: `liveness keys create` prepares it, and so does "
                "the start of the service"
            )
        schema = 0 if found is None else found["version"]
        if schema > SCHEMA_VERSION:
            raise StartRefused(f"the keys were made by a newer liveness (schema {schema}); upgrade this one")
        await database["keys"].create_index("digest", unique=True, name="digest")
        await database["keys"].create_index("name", unique=True, name="name")
        if schema < SCHEMA_VERSION:
            with suppress(DuplicateKeyError):
                await database.meta.update_one(MARK, {"$max": {"version": SCHEMA_VERSION}}, upsert=True)


async def require_prepared(database: AsyncDatabase[Document]) -> None:
    """Raise KeyStoreUnavailable where `prepare` has left no mark: the database was emptied or swapped."""
    if await database.meta.find_one(MARK) is None:
        raise KeyStoreUnavailable(EMPTIED)


async def write_nothing_new(database: AsyncDatabase[Document]) -> None:
    """Write that mark as it is, for a database that takes no writes may still be read; raises as `require_prepared`."""
    if not (await database.meta.update_one(MARK, {"$max": {"version": SCHEMA_VERSION}})).matched_count:
        raise KeyStoreUnavailable(EMPTIED)


@contextmanager
def named_failures(*, starting: bool = False) -> Iterator[None]:
    """Turn pymongo's errors into KeyStoreUnavailable, or while starting StartRefused where waiting cannot help."""
    try:
        yield
    except OperationFailure as error:
        reason = REFUSALS.get(error.code or 0)
        if starting and reason:
            raise StartRefused(f"LIVENESS_KEYS_URL: MongoDB refused: {reason}") from None
        name = (error.details or {}).get("codeName", f"error {error.code}")
        raise KeyStoreUnavailable(f"MongoDB refused: {reason or name}") from None
    except ConfigurationError as error:
        if starting:
            raise StartRefused(f"LIVENESS_KEYS_URL: {error}") from None
        raise KeyStoreUnavailable(f"MongoDB: {error}") from None
    except PyMongoError as error:
        cause = str(error).partition(" (configured timeouts")[0].partition(", Timeout: ")[0]
        raise KeyStoreUnavailable(f"MongoDB does not answer: {cause or type(error).__name__}") from None
