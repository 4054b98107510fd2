"""`liveness keys`: make, list, change and move keys, straight in their home; the service need not run."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from frontend.errors import InvalidKeyInput, StartRefused
from frontend.keys.homes import key_store
from frontend.keys.store import MAX_LIMIT, KeyRecord, KeyStore, checked_name, digest_of, new_hash_id
from frontend.keys.transfer import from_lines, import_keys, to_lines
from frontend.settings import Settings, load_settings

T = TypeVar("T")

Name = Annotated[str, typer.Argument(help="Name of the key.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]

keys_app = typer.Typer(help="Make, list, change and move the keys (hash_ids) of customers.", no_args_is_help=True)


@keys_app.command()
def create(
    name: Annotated[str, typer.Option(help="Name of the new key, unique.")],
    limit: Annotated[str | None, typer.Option(metavar="N", help="Verdicts it may be given; absent, no limit.")] = None,
    expires: Annotated[str | None, typer.Option(help="ISO date or time (UTC unless it says), or days: 30d.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show its hash_id, this once and never again."""
    now = _now()
    record = KeyRecord(checked_name(name), parse_limit(limit), 0, now, parse_expiry(expires, now))
    hash_id = new_hash_id()
    if sys.stdout is None:
        raise InvalidKeyInput("standard output is closed: nobody would see the hash_id")
    _in_home(lambda store: store.create(digest_of(hash_id), record), create=True)
    try:
        typer.echo(json.dumps({"hash_id": hash_id, **_fields(record, now)}) if as_json else f"hash_id: {hash_id}")
    except OSError as error:
        raise InvalidKeyInput(
            f"the key {record.name!r} was made, but its hash_id could not be shown ({error.strerror}): revoke it and "
            "create another"
        ) from None
    if as_json:
        return
    typer.echo("Keep it now: it is not stored and cannot be shown again.", err=True)
    _print_table([record], now)


@keys_app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """List every key, oldest first."""
    records = _in_home(lambda store: store.all())
    now = _now()
    if as_json:
        _print_json([_fields(record, now) for record in records])
    elif records:
        _print_table(records, now)
    else:
        typer.echo("There are no keys yet; make one with: liveness keys create --name NAME")


@keys_app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show one key."""
    _change(name, lambda store, checked: store.get(checked), as_json=as_json)


@keys_app.command()
def revoke(name: Name, as_json: AsJson = False) -> None:
    """Refuse a key from now on, for good."""
    _change(name, lambda store, checked: store.revoke(checked, _now()), as_json=as_json)


@keys_app.command("set-limit")
def set_limit(
    name: Name,
    limit: Annotated[str, typer.Argument(metavar="N", help="Verdicts it may be given in all, or none for no limit.")],
    as_json: AsJson = False,
) -> None:
    """Change the limit of a key; its count stays."""
    parsed = None if limit == "none" else parse_limit(limit)
    _change(name, lambda store, checked: store.set_limit(checked, parsed), as_json=as_json)


@keys_app.command()
def reset(name: Name, as_json: AsJson = False) -> None:
    """Set the count of a key back to 0."""
    _change(name, lambda store, checked: store.reset(checked), as_json=as_json)


@keys_app.command("export")
def export_keys(
    output: Annotated[Path | None, typer.Option(help="New file to write (mode 600); absent, standard output.")] = None,
) -> None:
    """Write every key as a JSON line, with the digest of its hash_id, for `import` into another home."""
    lines = to_lines(_in_home(lambda store: store.export()))
    if output is None:
        typer.echo(lines.encode(), nl=False)  # whatever the terminal's encoding: `import` reads it
        return
    try:
        output.touch(0o600, exist_ok=False)
        try:
            output.write_text(lines, encoding="utf-8")
        except OSError:
            output.unlink()
            raise
    except OSError as error:
        raise InvalidKeyInput(f"cannot write {output}: {error.strerror}") from None


@keys_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="File that `export` wrote; - for standard input.")],
    as_json: AsJson = False,
) -> None:
    """Add the keys of an exported file, all or none; keys that are there already stay as they are."""
    if str(file) == "-" and sys.stdin is None:
        raise InvalidKeyInput("standard input is closed")
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        keys = from_lines(content.decode("utf-8-sig"))
    except OSError as error:
        raise InvalidKeyInput(f"cannot read {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidKeyInput(f"{file} is no file that `liveness keys export` wrote") from None
    report = _in_home(lambda store: import_keys(store, keys), create=True)
    if as_json:
        _print_json(report._asdict())
    else:
        typer.echo(f"{report.added} added, {report.kept} were there already")


def parse_limit(text: str | None) -> int | None:
    """The number in the text, None for none; InvalidKeyInput for anything else than digits or beyond `MAX_LIMIT`."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT)) and int(text) <= MAX_LIMIT):
        raise InvalidKeyInput(f"the limit is a whole number from 0 to {MAX_LIMIT}, not {text!a:.80}")
    return int(text)


def parse_expiry(text: str | None, now: datetime) -> datetime | None:
    """The moment meant by `30d` (days from `now`) or an ISO date or time (UTC unless it says); None for none.

    Raises InvalidKeyInput for anything else, and for a moment that has passed.
    """
    if text is None:
        return None
    try:
        if text.endswith("d"):
            moment = now + timedelta(days=int(text[:-1]))
        else:
            moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        raise InvalidKeyInput(f"--expires is like 2030-01-31, 2030-01-31T12:00Z or 30d, not {text!a:.80}") from None
    if moment <= now:
        raise InvalidKeyInput(f"--expires {text} has passed already")
    return moment


def _change(name: str, work: Callable[[KeyStore, str], Awaitable[KeyRecord]], *, as_json: bool) -> None:
    checked = checked_name(name)
    record = _in_home(lambda store: work(store, checked))
    if as_json:
        _print_json(_fields(record, _now()))
    else:
        _print_table([record], _now())


def keys_home(settings: Settings, *, create: bool = True) -> KeyStore:
    """The home that the settings name; StartRefused where that is a folder."""
    url = settings.effective_keys_url
    if url.startswith("sqlite:") and Path(url.removeprefix("sqlite://")).is_dir():
        raise StartRefused("LIVENESS_KEYS_URL names a folder, not a file for the keys")
    return key_store(url, settings.keys_timeout_s, create=create)


def _in_home(work: Callable[[KeyStore], Awaitable[T]], *, create: bool = False) -> T:
    store = keys_home(load_settings(), create=create)

    async def session() -> T:
        try:
            await store.open()
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(session())


def _now() -> datetime:
    return datetime.now(timezone.utc).replace(microsecond=0)


def _state(record: KeyRecord, now: datetime) -> str:
    if record.revoked_at is not None:
        return "revoked"
    if record.expires_at is not None and record.expires_at <= now:
        return "expired"
    return "used up" if record.limit is not None and record.used >= record.limit else "usable"


def _fields(record: KeyRecord, now: datetime) -> dict[str, object]:
    return {
        "name": record.name,
        "state": _state(record, now),
        "limit": record.limit,
        "used": record.used,
        "created_at": _iso(record.created_at),
        "expires_at": _iso(record.expires_at),
        "revoked_at": _iso(record.revoked_at),
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value))


def _print_table(records: list[KeyRecord], now: datetime) -> None:
    titles = ("name", "state", "used", "limit", "created", "expires", "revoked")
    table = Table(*(Column(title, overflow="fold") for title in titles))
    for record in records:
        times = (_iso(moment) or "" for moment in (record.created_at, record.expires_at, record.revoked_at))
        limit = "none" if record.limit is None else str(record.limit)
        table.add_row(*map(Text, (record.name, _state(record, now), str(record.used), limit, *times)))
    Console().print(table)
