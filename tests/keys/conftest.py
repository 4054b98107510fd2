"""The two homes of keys: a SQLite file, and MongoDB over the wire."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from frontend.keys.homes import key_store
from frontend.keys.store import KeyStore

T = TypeVar("T")


@dataclass(frozen=True)
class Home:
    """The address of a home, and a way to try things with a store that is open on it."""

    url: str

    def play(self, story: Callable[[KeyStore], Awaitable[T]], timeout_s: float = 5.0) -> T:
        async def scene() -> T:
            store = key_store(self.url, timeout_s)
            try:
                await store.open()
                return await story(store)
            finally:
                await store.close()

        return asyncio.run(scene())


class MongoServer:
    """A SecantusDB process that can be killed, stopped and started again on the same port and data."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.url = f"mongodb://127.0.0.1:{self.port}"
        self._storage = folder / "data"
        self._log = folder / "secantus.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, standalone: bool = True) -> None:
        """Start as a server by itself, or as the only member of a replica set."""
        command = [str(Path(sys.executable).with_name("secantusd-py")), "--port", str(self.port)]
        command += ["--standalone"] if standalone else []
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--storage-path", str(self._storage), *options], stdout=log, stderr=log
            )
        client: MongoClient[dict[str, object]]
        with MongoClient(self.url, serverSelectionTimeoutMS=200) as client:
            for _ in range(100):
                try:
                    client.admin.command("hello")
                except PyMongoError:
                    assert self._process.poll() is None, self._log.read_text()
                    time.sleep(0.05)
                else:
                    return
        pytest.fail(f"SecantusDB did not start: {self._log.read_text()}")

    def freeze(self) -> None:
        """Stop it, and wait until it is: each thread goes on until it notices."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        threads = [*Path(f"/proc/{self._process.pid}/task").iterdir()]
        while any(b"State:\tT" not in (thread / "status").read_bytes() for thread in threads):
            time.sleep(0.01)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def in_database(url: str, name: str) -> str:
    """The MongoDB address with this database in it; a database it had stays the one that users live in."""
    parts = urlsplit(url)
    query = parts.query
    if parts.path.strip("/") and "authSource" not in query:
        query = f"authSource={parts.path.strip('/')}&{query}".rstrip("&")
    return urlunsplit(parts._replace(path=f"/{name}", query=query))


@pytest.fixture(scope="session")
def mongo_server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MONGODB_TEST_URI, or a SecantusDB of our own."""
    if given := os.environ.get("MONGODB_TEST_URI"):
        yield given
        return
    server = MongoServer(tmp_path_factory.mktemp("secantus"))
    server.start()
    yield server.url
    server.kill()


@pytest.fixture
def mongo_home(mongo_server_url: str) -> Iterator[Home]:
    """A MongoDB database of this test's own."""
    name = f"liveness_test_{uuid4().hex[:12]}"
    yield Home(in_database(mongo_server_url, name))
    with MongoClient(mongo_server_url) as client:
        client.drop_database(name)


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Home:
    """A SQLite file that does not exist yet, in a folder that does not either."""
    return Home(f"sqlite://{tmp_path}/house/keys.sqlite3")


@pytest.fixture(params=["sqlite", "mongo"])
def home(request: pytest.FixtureRequest) -> Home:
    """Each of the two homes in turn."""
    found: Home = request.getfixturevalue(f"{request.param}_home")
    return found


@pytest.fixture
def own_mongo(tmp_path: Path) -> Iterator[MongoServer]:
    """A SecantusDB on disk for this test to hurt, not yet started."""
    server = MongoServer(tmp_path)
    yield server
    server.kill()
