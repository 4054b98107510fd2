"""Keys of a home that a running service uses."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import TypeVar

from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, KeyStore, StoredKey, digest_of, new_hash_id

T = TypeVar("T")


def with_store(keys_url: str, job: Callable[[KeyStore], Awaitable[T]]) -> T:
    async def run() -> T:
        store = key_store(keys_url, 5.0)
        await store.open()
        try:
            return await job(store)
        finally:
            await store.close()

    return asyncio.run(run())


def change_key(keys_url: str, name: str, limit: int | None) -> None:
    with_store(keys_url, lambda store: store.set_limit(name, limit))


def new_key(keys_url: str, name: str, **fields: datetime) -> str:
    hash_id = new_hash_id()
    record = KeyRecord(name, None, 0, datetime.now(timezone.utc), **fields)
    with_store(keys_url, lambda store: store.create(digest_of(hash_id), record))
    return hash_id


def all_keys(keys_url: str) -> list[StoredKey]:
    return with_store(keys_url, lambda store: store.export())
