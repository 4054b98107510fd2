"""Keys that were valid a moment ago, so that the database is not asked twice for every verdict."""

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from frontend.errors import InvalidCredentials, LimitReached, LivenessError
from frontend.keys.store import KeyRecord, KeyStore

MAX_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class _Recent:
    record: KeyRecord
    until_s: float


class RecentKeys:
    """Authenticates and counts at `keys`, and for `remember_s` takes a key that it found usable for usable still.

    No verdict is given that the database would not allow: `consume` asks it every time, and a key that was revoked or
    used up meanwhile is refused there, if later than it could have been, and forgotten. Only usable keys are
    remembered, so a new one is valid at once, and all that are refused take the same way to the database. 0 s
    remembers nothing.
    """

    def __init__(self, keys: KeyStore, remember_s: float) -> None:
        self._keys = keys
        self._remember_s = remember_s
        self._recent: dict[bytes, _Recent] = {}

    async def authenticate(self, digest: bytes, now: datetime) -> KeyRecord:
        """The usable key with this digest, `used` as far as this process knows; raises as `KeyStore` does."""
        recent = self._recent.get(digest)
        if recent and time.monotonic() < recent.until_s:
            with suppress(InvalidCredentials, LimitReached):
                recent.record.require_usable(now)
                return recent.record
        self._recent.pop(digest, None)
        until_s = time.monotonic() + self._remember_s
        record = await self._keys.authenticate(digest, now)
        if len(self._recent) >= MAX_KEYS:
            self._recent.clear()
        self._recent[digest] = _Recent(record, until_s)
        return record

    async def consume(self, digest: bytes, now: datetime) -> None:
        """Count one verdict; raises as `KeyStore` does."""
        try:
            await self._keys.consume(digest, now)
        except LivenessError:
            self._recent.pop(digest, None)
            raise
        if recent := self._recent.get(digest):
            counted = replace(recent.record, used=recent.record.used + 1)
            self._recent[digest] = _Recent(counted, recent.until_s)
