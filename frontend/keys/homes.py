"""Which home of keys an address means."""

from pathlib import Path

from frontend.errors import StartRefused
from frontend.keys.sqlite import SqliteKeyStore
from frontend.keys.store import KeyStore


def key_store(url: str, timeout_s: float, *, create: bool = True) -> KeyStore:
    """The home at `sqlite:///ABSOLUTE/PATH`, `mongodb://…` or `mongodb+srv://…`, not yet opened.

    The SQLite path is taken as it is, without percent-decoding. `timeout_s` bounds every call. Without `create`
    a home that does not exist is not made: every call raises KeyStoreUnavailable until somebody makes it. Raises
    StartRefused for any other address; the message never holds the address, which may carry a password.
    """
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite" and separator and rest.startswith("/") and rest.strip("/"):
        return SqliteKeyStore(Path("/" + rest.lstrip("/")), timeout_s, create=create)
    if scheme in {"mongodb", "mongodb+srv"} and separator and rest:
        from frontend.keys.mongo import MongoKeyStore  # 0.3 s that the SQLite home need not wait for

        return MongoKeyStore(url, timeout_s, create=create)
    raise StartRefused("LIVENESS_KEYS_URL must be sqlite:///ABSOLUTE/PATH, mongodb://… or mongodb+srv://…")
