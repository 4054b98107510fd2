"""Keys in MongoDB, for services on several machines."""

# ruff: noqa: D102  KeyStore documents the methods

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pymongo
from bson.binary import Binary
from pymongo import ASCENDING, AsyncMongoClient, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, OperationFailure

from frontend.errors import InvalidCredentials, KeyNameTaken, KeyNotFound, KeyStoreUnavailable, StartRefused
from frontend.keys.mongo_server import (
    Document,
    client_for,
    database_of,
    named_failures,
    prepare,
    require_prepared,
    write_nothing_new,
)
from frontend.keys.store import KeyRecord, StoredKey

DUPLICATE_KEY = 11000


class MongoKeyStore:
    """`KeyStore` over MongoDB 7 or newer, shared by any number of services.

    Documents of the collection `keys`: digest (32 bytes, unique), name (unique), limit, used, created_at,
    expires_at, revoked_at. Counting is one atomic `find_one_and_update`, acknowledged by a majority with its journal
    written. A replica set, also one of a single member, makes a write that a broken connection interrupted retry
    itself exactly once; a standalone server does not know that, so there the request gets KeyStoreUnavailable and
    may have been counted. `timeout_s` bounds each call, from the choice of a server to the last byte.
    """

    def __init__(self, url: str, timeout_s: float, *, create: bool = True) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._create = create
        self._client: AsyncMongoClient[Document] | None = None
        self._database: AsyncDatabase[Document] | None = None
        self._prepared = False

    async def open(self) -> None:
        if self._client is None or self._database is None:
            self._client = client_for(self._url, self._timeout_s)
            self._database = database_of(self._client)
        with pymongo.timeout(self._timeout_s):
            await prepare(self._database, create=self._create)
        self._prepared = True

    async def close(self) -> None:
        if self._client is not None:
            client, self._client, self._database, self._prepared = self._client, None, None, False
            await client.close()

    async def ping(self) -> None:
        with self._bounded():
            await write_nothing_new((await self._keys()).database)

    async def authenticate(self, digest: bytes, now: datetime) -> KeyRecord:
        with self._bounded():
            keys = await self._keys()
            found = await keys.find_one({"digest": Binary(digest)})
            if found is None:
                await require_prepared(keys.database)
        if found is None:
            raise InvalidCredentials
        record = _record(found)
        record.require_usable(now)
        return record

    async def consume(self, digest: bytes, now: datetime) -> None:
        usable = {
            "digest": Binary(digest),
            "revoked_at": None,
            "$and": [
                {"$or": [{"expires_at": None}, {"expires_at": {"$gt": now}}]},
                {"$or": [{"limit": None}, {"$expr": {"$lt": ["$used", "$limit"]}}]},
            ],
        }
        with self._bounded():
            keys = await self._keys()
            if await keys.find_one_and_update(usable, {"$inc": {"used": 1}}, projection={"_id": 1}) is not None:
                return
            await self.authenticate(digest, now)
        raise KeyStoreUnavailable("the key was changed while a verdict was counted; nothing was counted")

    async def create(self, digest: bytes, record: KeyRecord) -> None:
        await self.add([StoredKey(digest, record)])

    async def add(self, keys: Sequence[StoredKey]) -> None:
        if not keys:
            return
        documents = [_document(key) for key in keys]
        with self._bounded():
            collection = await self._keys()
            try:
                await collection.insert_many(documents, ordered=True)
            except BulkWriteError as error:
                problem = [*error.details["writeErrors"], *error.details["writeConcernErrors"]][0]
                if problem["code"] != DUPLICATE_KEY:
                    raise OperationFailure(problem["errmsg"], problem["code"], problem) from None
                inserted = error.details["nInserted"]
                await collection.delete_many({"_id": {"$in": [d["_id"] for d in documents[:inserted]]}})
                raise _taken(documents[inserted]["name"]) from None

    async def export(self) -> list[StoredKey]:
        with self._bounded():
            found = (await self._keys()).find().sort([("created_at", ASCENDING), ("name", ASCENDING)])
            return [StoredKey(bytes(document["digest"]), _record(document)) async for document in found]

    async def all(self) -> list[KeyRecord]:
        return [key.record for key in await self.export()]

    async def get(self, name: str) -> KeyRecord:
        with self._bounded():
            found = await (await self._keys()).find_one({"name": name})
        return _found_record(found, name)

    async def revoke(self, name: str, now: datetime) -> KeyRecord:
        with self._bounded():
            await (await self._keys()).update_one({"name": name, "revoked_at": None}, {"$set": {"revoked_at": now}})
            return await self.get(name)

    async def set_limit(self, name: str, limit: int | None) -> KeyRecord:
        return await self._set(name, "limit", limit)

    async def reset(self, name: str) -> KeyRecord:
        return await self._set(name, "used", 0)

    async def _set(self, name: str, field: str, value: int | None) -> KeyRecord:
        with self._bounded():
            found = await (await self._keys()).find_one_and_update(
                {"name": name}, {"$set": {field: value}}, return_document=ReturnDocument.AFTER
            )
        return _found_record(found, name)

    async def _keys(self) -> AsyncCollection[Document]:
        if self._database is None:
            raise KeyStoreUnavailable("the key store is not open")
        if not self._prepared:
            try:
                await prepare(self._database, create=self._create)
            except StartRefused as refusal:
                raise KeyStoreUnavailable(str(refusal)) from None
            self._prepared = True
        return self._database["keys"]

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        with pymongo.timeout(self._timeout_s), named_failures():
            yield


def _document(key: StoredKey) -> Document:
    record = key.record
    return {
        "digest": Binary(key.digest),
        "name": record.name,
        "limit": record.limit,
        "used": record.used,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "revoked_at": record.revoked_at,
    }


def _record(document: Document) -> KeyRecord:
    return KeyRecord(
        name=document["name"],
        limit=document["limit"],
        used=document["used"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        revoked_at=document["revoked_at"],
    )


def _found_record(document: Document | None, name: str) -> KeyRecord:
    if document is None:
        raise KeyNotFound(f"there is no key named {name!r}")
    return _record(document)


def _taken(name: str) -> KeyNameTaken:
    return KeyNameTaken(f"there is a key named {name!r} already, or one with the same digest")
