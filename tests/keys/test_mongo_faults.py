"""A MongoDB that is away, hangs, refuses or is too old: unavailable or refused, and then it works again."""

import asyncio
import socket
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from functools import partial

import pytest
from bson import encode
from pymongo import MongoClient

from frontend.errors import InvalidCredentials, KeyStoreUnavailable, LimitReached, StartRefused
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id

NOW = datetime(2031, 5, 6, tzinfo=timezone.utc)
ACME = KeyRecord("acme", 1000, 0, NOW)
DIGEST = digest_of("acme")
TIMEOUT_S = 1.0
PASSWORD = "s3cr3t-of-the-bank"
OUT_OF_DISK_SPACE = 14031


async def assert_unavailable_in_time(store):
    for several in (
        [store.authenticate(DIGEST, NOW)],
        [store.consume(DIGEST, NOW)],
        [store.ping()],
        [store.consume(DIGEST, NOW) for _ in range(10)],
    ):
        begun = time.monotonic()
        outcomes = await asyncio.gather(*several, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {KeyStoreUnavailable}
        assert time.monotonic() - begun < 2 * TIMEOUT_S


async def until_it_works(store, patience_s=5.0):
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await store.get("acme")
        except KeyStoreUnavailable:
            assert time.monotonic() < deadline


def play_with_store(url, story):
    async def scene():
        store = key_store(url, TIMEOUT_S)
        try:
            await story(store)
        finally:
            await store.close()

    asyncio.run(scene())


@contextmanager
def old_server(port, version):
    """A server in front of the one at `port` that claims this version, of as many digits as the true one has."""
    with MongoClient(port=port) as client:
        true = client.server_info()
    numbers = [*map(int, version.split(".")), 0]
    replacements = [
        (true["version"].encode() + b"\0", version.encode() + b"\0"),
        (encode({"versionArray": true["versionArray"]})[4:-1], encode({"versionArray": numbers})[4:-1]),
    ]
    assert all(len(a) == len(b) for a, b in replacements)

    def pump(source, target, *, change):
        with suppress(OSError), source, target:  # the other direction closes both too
            while chunk := source.recv(65536):
                for was, becomes in replacements if change else ():
                    chunk = chunk.replace(was, becomes)
                target.sendall(chunk)

    def serve(listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", port))
            for source, target, change in (client, server, False), (server, client, True):
                threading.Thread(target=pump, args=(source, target), kwargs={"change": change}, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


def test_a_killed_server_is_unavailable_in_time_and_works_once_it_is_back(own_mongo):
    own_mongo.start("--sync-on-commit")

    async def story(store):
        await store.open()
        await store.create(DIGEST, ACME)
        await store.consume(DIGEST, NOW)
        own_mongo.kill()
        await assert_unavailable_in_time(store)
        own_mongo.start("--sync-on-commit")
        assert (await until_it_works(store)).used == 1
        await store.consume(DIGEST, NOW)
        with pytest.raises(InvalidCredentials):
            await store.authenticate(bytes(32), NOW)

    play_with_store(own_mongo.url, story)


def test_a_hanging_server_is_unavailable_in_time_and_works_once_it_goes_on(own_mongo):
    own_mongo.start()

    async def story(store):
        await store.open()
        await store.create(DIGEST, ACME)
        own_mongo.freeze()
        await assert_unavailable_in_time(store)
        own_mongo.thaw()
        await until_it_works(store)
        await store.set_limit("acme", (await store.get("acme")).used + 1)
        await store.consume(DIGEST, NOW)
        with pytest.raises(LimitReached):
            await store.consume(DIGEST, NOW)

    play_with_store(own_mongo.url, story)


def test_a_store_opened_while_the_server_is_away_works_once_it_is_there(own_mongo):
    async def story(store):
        begun = time.monotonic()
        with pytest.raises(KeyStoreUnavailable, match=f"127.0.0.1:{own_mongo.port}"):
            await store.open()
        assert time.monotonic() - begun < 2 * TIMEOUT_S
        await assert_unavailable_in_time(store)
        own_mongo.start()
        with pytest.raises(InvalidCredentials):
            await store.authenticate(DIGEST, NOW)
        await store.create(DIGEST, ACME)
        await store.consume(DIGEST, NOW)

    play_with_store(own_mongo.url, story)
    with MongoClient(own_mongo.url) as client:
        indexes = client["liveness"]["keys"].index_information()
    assert indexes["digest"]["unique"]
    assert indexes["name"]["unique"]


def test_an_emptied_database_is_unavailable_and_no_wrong_credential(mongo_home):
    async def story(store):
        await store.create(DIGEST, ACME)
        with MongoClient(mongo_home.url) as client:
            client.drop_database(client.get_default_database().name)
        reader = key_store(mongo_home.url, TIMEOUT_S, create=False)
        with pytest.raises(KeyStoreUnavailable, match="is empty"):
            await reader.open()
        await reader.close()
        for refused in store.authenticate, store.consume:
            with pytest.raises(KeyStoreUnavailable, match="emptied"):
                await refused(DIGEST, NOW)
        with pytest.raises(KeyStoreUnavailable, match="emptied"):
            await store.ping()

    mongo_home.play(story)


@contextmanager
def failing(server, commands, **failure):
    """The server answers these commands so."""
    with MongoClient(server.url) as client:
        switch = partial(client.admin.command, "configureFailPoint", "failCommand")
        switch(mode="alwaysOn", data={"failCommands": commands, **failure})
        try:
            yield
        finally:
            switch(mode="off")


def test_a_server_that_takes_no_writes_is_not_ready(own_mongo):
    own_mongo.start("--enable-test-commands")

    async def story(store):
        await store.open()
        await store.create(DIGEST, ACME)
        with failing(own_mongo, ["update", "findAndModify"], errorCode=OUT_OF_DISK_SPACE):
            assert await store.authenticate(DIGEST, NOW) == ACME
            for refused in store.consume(DIGEST, NOW), store.ping():
                with pytest.raises(KeyStoreUnavailable):
                    await refused
        await store.ping()

    play_with_store(own_mongo.url, story)


def test_a_key_that_no_majority_confirmed_is_unavailable(own_mongo):
    own_mongo.start("--enable-test-commands", standalone=False)
    unconfirmed = {"code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out"}

    async def story(store):
        await store.open()
        refusal = pytest.raises(KeyStoreUnavailable, match="MongoDB refused: WriteConcernFailed")
        with failing(own_mongo, ["insert"], writeConcernError=unconfirmed), refusal:
            await store.create(DIGEST, ACME)

    play_with_store(f"{own_mongo.url}/?directConnection=true", story)


def test_a_wrong_password_or_none_is_refused_and_never_shown(own_mongo, caplog):
    own_mongo.start("--sync-on-commit")
    with MongoClient(own_mongo.url) as client:
        client.admin.command("createUser", "bank", pwd=PASSWORD, roles=["root"])
    own_mongo.kill()
    own_mongo.start("--auth")
    caplog.set_level("DEBUG")
    address = f"127.0.0.1:{own_mongo.port}/liveness?authSource=admin"
    for credentials in f"bank:{PASSWORD}x@", f"nobody:{PASSWORD}@", "":
        with pytest.raises(StartRefused, match="LIVENESS_KEYS_URL: MongoDB refused") as refusal:
            play_with_store(f"mongodb://{credentials}{address}", lambda store: store.open())
        assert PASSWORD not in str(refusal.value)

    async def story(store):
        await store.open()
        await store.create(DIGEST, ACME)
        assert await store.authenticate(DIGEST, NOW) == ACME

    play_with_store(f"mongodb://bank:{PASSWORD}@{address}", story)
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://",
        f"mongodb://bank:{PASSWORD}@host:70000/",
        f"mongodb://bank:{PASSWORD}@@host/",
        f"mongodb://bank:a/{PASSWORD}@host/",
        f"mongodb://bank:a?{PASSWORD}=1@host/",
        f"mongodb://bank:{PASSWORD}%zz@host/",
        f"mongodb://bank:{PASSWORD}@host/?misspelt=1",
        f"mongodb://bank:{PASSWORD}@host/?tls=perhaps",
        f"mongodb://bank:{PASSWORD}@host/?tlsCAFile=/nowhere/ca.pem",
        f"mongodb://bank:{PASSWORD}@host/a b",
        f"mongodb+srv://bank:{PASSWORD}@host:27017/",
        f"postgres://bank:{PASSWORD}@host/",
        f"sqlite:{PASSWORD}",
        "sqlite://relative.sqlite3",
        "sqlite:///",
        PASSWORD,
        "",
    ],
)
def test_a_bad_address_is_refused_without_showing_it(url):
    with pytest.raises(StartRefused, match="LIVENESS_KEYS_URL") as refusal:
        play_with_store(url, lambda store: store.open())
    assert PASSWORD not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_server_too_old_is_refused_by_its_version(own_mongo):
    own_mongo.start()
    refusal = r"MongoDB 6\.0\.19 is too old.*LIVENESS_KEYS_URL.*7\.0"
    with old_server(own_mongo.port, "6.0.19") as port, pytest.raises(StartRefused, match=refusal):
        play_with_store(f"mongodb://127.0.0.1:{port}", lambda store: store.open())
    with old_server(own_mongo.port, "7.0.19") as port:
        play_with_store(f"mongodb://127.0.0.1:{port}", lambda store: store.open())


def test_the_keys_of_a_newer_version_are_refused(mongo_home):
    with MongoClient(mongo_home.url) as client:
        client.get_default_database()["meta"].insert_one({"_id": "schema", "version": 99})
    with pytest.raises(StartRefused, match="newer liveness"):
        mongo_home.play(lambda store: store.ping())


def test_the_database_never_holds_the_hash_id(mongo_home):
    hash_id = new_hash_id()

    async def story(store):
        await store.create(digest_of(hash_id), ACME)
        await store.consume(digest_of(hash_id), NOW)

    mongo_home.play(story)
    with MongoClient(mongo_home.url) as client:
        database = client.get_default_database()
        stored = b"".join(encode(d) for name in database.list_collection_names() for d in database[name].find())
    assert digest_of(hash_id) in stored
    assert hash_id.encode() not in stored
    assert bytes.fromhex(hash_id) not in stored
