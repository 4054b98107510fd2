"""What a key is, and what every home of keys can do."""

import hashlib
import secrets
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from frontend.errors import InvalidCredentials, InvalidKeyInput, LimitReached

MAX_NAME_CHARACTERS = 200
MAX_LIMIT = 10**15


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A customer's key, without its hash_id, which no home of keys ever holds.

    `limit` is the number of verdicts that the key may be given, None for no limit; `used` is the number given.
    All times are timezone-aware UTC; every home keeps them to the millisecond.
    """

    name: str
    limit: int | None
    used: int
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def require_usable(self, now: datetime) -> None:
        """Raise InvalidCredentials if revoked or expired, LimitReached if used up."""
        if self.revoked_at is not None or (self.expires_at is not None and self.expires_at <= now):
            raise InvalidCredentials
        if self.limit is not None and self.used >= self.limit:
            raise LimitReached(self.name)


class StoredKey(NamedTuple):
    """A key as a home holds it: its record and the SHA-256 digest (32 bytes) of its hash_id."""

    digest: bytes
    record: KeyRecord


def checked_name(name: str) -> str:
    """The name in Unicode's composed form (NFC), so that one name cannot be stored twice in two spellings.

    Raises InvalidKeyInput for an empty, overlong or unprintable one, or one with blanks at an end.
    """
    name = unicodedata.normalize("NFC", name)
    if not 0 < len(name) <= MAX_NAME_CHARACTERS or not name.isprintable() or name != name.strip():
        raise InvalidKeyInput(f"a key's name is 1 to {MAX_NAME_CHARACTERS} printable characters, not {name!a:.80}")
    return name


def new_hash_id() -> str:
    """A fresh credential: 32 random bytes as 64 hexadecimal digits."""
    return secrets.token_hex(32)


def digest_of(hash_id: str) -> bytes:
    """The SHA-256 digest (32 bytes) under which a hash_id is stored and looked up.

    A credential of 256 random bits needs no salt and no slow hash (OWASP, Password Storage Cheat Sheet, treats
    those as a defence for low-entropy secrets). Lone surrogates, which JSON can carry, hash like any other text.
    """
    return hashlib.sha256(hash_id.encode("utf-8", "surrogatepass")).digest()


class KeyStore(Protocol):
    """A home of keys. Every method but `close` raises KeyStoreUnavailable when the home does not answer.

    A home that was away is used again as soon as it answers, also when `open` itself had failed for that reason;
    there is no need for a new store. `close` is due even after a failed `open`, and the store can be opened again.

    Only `consume` counts a verdict. It is called once the verdict exists and before it is delivered, so a request
    that fails costs nothing, and it is atomic, so that of any number of concurrent requests exactly `limit` succeed.
    """

    async def open(self) -> None:
        """Connect, and make or migrate the home; idempotent and safe to run in several processes at once.

        Raises StartRefused where waiting cannot help: wrong password, bad address, a home of the wrong version.
        """

    async def close(self) -> None:
        """Let go of every resource."""

    async def ping(self) -> None:
        """Try for real whether verdicts could be counted now."""

    async def authenticate(self, digest: bytes, now: datetime) -> KeyRecord:
        """The usable key with this digest; else InvalidCredentials or LimitReached."""

    async def consume(self, digest: bytes, now: datetime) -> None:
        """Count one verdict, or raise InvalidCredentials or LimitReached and count nothing."""

    async def create(self, digest: bytes, record: KeyRecord) -> None:
        """Store a new key; KeyNameTaken if the name is in use."""

    async def add(self, keys: Sequence[StoredKey]) -> None:
        """Store all of these new keys or none; KeyNameTaken if a name or a digest is in use.

        Where the connection to a home elsewhere breaks meanwhile, some may be stored.
        """

    async def export(self) -> list[StoredKey]:
        """Every key with its digest, oldest first."""

    async def all(self) -> list[KeyRecord]:
        """Every key, oldest first."""

    async def get(self, name: str) -> KeyRecord:
        """One key by name; KeyNotFound."""

    async def revoke(self, name: str, now: datetime) -> KeyRecord:
        """Refuse this key from now on; a second time changes nothing. KeyNotFound."""

    async def set_limit(self, name: str, limit: int | None) -> KeyRecord:
        """Change the limit, None for no limit; the count stays. KeyNotFound."""

    async def reset(self, name: str) -> KeyRecord:
        """Set the count of used requests back to 0. KeyNotFound."""
