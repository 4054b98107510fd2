"""What is asked in the long run: pictures of every size and format, bad requests, several keys, some with limits."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.lib.corpus import corpus
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id

PICTURES = {
    "jpeg-640x480": 40,
    "jpeg-1280x960": 24,
    "progressive-1280x960": 3,
    "png-640x480": 6,
    "jpeg-4032x3024": 1,
}
"""Picture of the corpus → its weight."""
KEYS: dict[str, tuple[int | None, float]] = {"open": (None, 0.6), "other": (None, 0.3), "limited": (500, 0.1)}
"""Key → its limit and its share of the pictures."""
BAD_WEIGHT = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """One body: the key that it names, the statuses that are right for it where nothing is wrong, its weight."""

    key: str
    expected: frozenset[int]
    weight: float


@dataclass(frozen=True)
class Mix:
    """The kinds of requests by name, with the files of their bodies, and the keys that they name."""

    kinds: Mapping[str, Kind]
    bodies: Mapping[str, Path]
    hash_ids: Mapping[str, str]
    keys_url: str

    def used(self) -> dict[str, int]:
        """Key → verdicts counted."""
        return asyncio.run(_used(self.keys_url))


def make_mix(folder: Path) -> Mix:
    """Make the keys in the home of the service that runs in this folder, and write the bodies there."""
    keys_url = f"sqlite:///{folder / 'keys.sqlite3'}"
    hash_ids = {name: new_hash_id() for name in KEYS}
    asyncio.run(_create(keys_url, hash_ids))
    kinds: dict[str, Kind] = {}
    bodies: dict[str, Path] = {}

    def add(name: str, kind: Kind, body: bytes) -> None:
        kinds[name], bodies[name] = kind, folder / f"{name}.json"
        bodies[name].touch(mode=0o600)
        bodies[name].write_bytes(body)

    for picture in corpus(list(PICTURES)):
        for key, (limit, share) in KEYS.items():
            expected = frozenset({201} if limit is None else {201, 429})
            add(
                f"{picture.name}-{key}",
                Kind(key, expected, PICTURES[picture.name] * share),
                picture.body(hash_ids[key]),
            )
    for name, (body, statuses) in _bad_bodies(hash_ids["open"]).items():
        add(name, Kind("open", statuses, BAD_WEIGHT), body)
    return Mix(kinds, bodies, hash_ids, keys_url)


def _bad_bodies(hash_id: str) -> dict[str, tuple[bytes, frozenset[int]]]:
    (small,) = corpus(["jpeg-640x480"])

    def asks(image: str) -> bytes:
        return json.dumps({"hash_id": hash_id, "selfie_image": image}).encode()

    refused = frozenset({400})
    return {
        "cut short": (asks(json.loads(small.body(hash_id))["selfie_image"][:8000]), refused),
        "no picture": (asks("bm8gcGljdHVyZQ=="), refused),
        "image missing": (asks(""), refused),
        "no JSON": (b"{" * 300, refused),
        "unknown key": (small.body(new_hash_id()), frozenset({401, 429})),  # 429 where too many came from one address
    }


async def _create(keys_url: str, hash_ids: Mapping[str, str]) -> None:
    store = key_store(keys_url, 5.0)
    await store.open()
    try:
        for name, hash_id in hash_ids.items():
            record = KeyRecord(name, KEYS[name][0], 0, datetime.now(timezone.utc))
            await store.create(digest_of(hash_id), record)
    finally:
        await store.close()


async def _used(keys_url: str) -> dict[str, int]:
    store = key_store(keys_url, 5.0)
    await store.open()
    try:
        return {name: (await store.get(name)).used for name in KEYS}
    finally:
        await store.close()
