"""Keys as JSON lines, to move them between homes; a line holds the digest of a hash_id, never the hash_id."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from frontend.errors import InvalidKeyInput, KeyNameTaken
from frontend.keys.store import MAX_LIMIT, KeyRecord, KeyStore, StoredKey, checked_name


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("in UTC its year is not from 1 to 9999") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class Line(BaseModel):
    """One exported key: every field of its record, and the digest as 64 hexadecimal digits."""

    model_config = ConfigDict(extra="forbid", strict=True)

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    name: str
    limit: Annotated[int, Field(ge=0, le=MAX_LIMIT)] | None
    used: Annotated[int, Field(ge=0, le=MAX_LIMIT)]
    created_at: Moment
    expires_at: Moment | None
    revoked_at: Moment | None


class ImportReport(NamedTuple):
    """How many keys were added, and how many were there already and stayed as they were."""

    added: int
    kept: int


def to_lines(keys: Iterable[StoredKey]) -> str:
    """The keys as JSON lines, in their order."""
    lines = (Line(digest=key.digest.hex(), **asdict(key.record)).model_dump_json() for key in keys)
    return "".join(f"{line}\n" for line in lines)


def from_lines(text: str) -> list[StoredKey]:
    """The keys in exported lines; InvalidKeyInput names the first line that is wrong or repeats a name or a digest."""
    keys: list[StoredKey] = []
    seen: dict[bytes | str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        key = _key_in(line, number)
        for part in key.digest, key.record.name:
            if part in seen:
                raise InvalidKeyInput(f"line {number} has the same name or digest as line {seen[part]}")
            seen[part] = number
        keys.append(key)
    return keys


async def import_keys(store: KeyStore, keys: list[StoredKey]) -> ImportReport:
    """Add the keys that the home lacks; those it has, by name and digest, stay as they are, with their counts.

    Nothing is written when a name or a digest belongs to another key there: KeyNameTaken names every such key.
    """
    present = await store.export()
    by_name = {key.record.name: key.digest for key in present}
    by_digest = {key.digest: key.record.name for key in present}
    new, conflicts = [], []
    for key in keys:
        name = key.record.name
        digest_at_name, name_at_digest = by_name.get(name), by_digest.get(key.digest)
        if digest_at_name is None and name_at_digest is None:
            new.append(key)
        elif digest_at_name is None:
            conflicts.append(f"{name!r} (here as {name_at_digest!r})")
        elif digest_at_name != key.digest:
            conflicts.append(f"{name!r} (here with another hash_id)")
    if conflicts:
        raise KeyNameTaken(f"nothing was imported; other keys are in the way: {', '.join(conflicts)}")
    await store.add(new)
    return ImportReport(added=len(new), kept=len(keys) - len(new))


def _key_in(line: str, number: int) -> StoredKey:
    try:
        fields = Line.model_validate_json(line)
        name = checked_name(fields.name)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "the line"
        raise InvalidKeyInput(f"line {number}: {where}: {problem['msg']}") from None
    except InvalidKeyInput as error:
        raise InvalidKeyInput(f"line {number}: {error}") from None
    record = KeyRecord(name, fields.limit, fields.used, fields.created_at, fields.expires_at, fields.revoked_at)
    return StoredKey(bytes.fromhex(fields.digest), record)
