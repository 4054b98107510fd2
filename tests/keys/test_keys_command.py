"""`liveness keys`, run as an operator runs it."""

import json
import os
import resource
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from frontend.cli.keys import parse_expiry, parse_limit
from frontend.errors import InvalidKeyInput, KeyStoreUnavailable
from frontend.keys.store import KeyRecord, StoredKey, digest_of

NOW = datetime(2031, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
ACME = KeyRecord("acme", None, 0, NOW)


def liveness_keys(home, *arguments, columns=150, redirection="", **options):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIVENESS_")}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "frontend.cli", "keys", *arguments],
        env=environment | {"LIVENESS_KEYS_URL": home.url, "COLUMNS": str(columns)},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=30,
        **options,
    )


def ok(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def assert_refused(result, text):
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.startswith("liveness: ")
    assert text in result.stderr
    assert result.stderr.count("\n") == 1, result.stderr


def test_the_life_of_a_key_in_json(sqlite_home):
    made = json.loads(ok(liveness_keys(sqlite_home, "create", "--name", "acme", "--limit", "2", "--json")))
    hash_id = made.pop("hash_id")
    assert len(bytes.fromhex(hash_id)) == 32
    assert made.items() >= {"name": "acme", "state": "usable", "limit": 2, "used": 0, "expires_at": None}.items()

    async def use_up(store):
        await store.consume(digest_of(hash_id), NOW)
        await store.consume(digest_of(hash_id), NOW)

    sqlite_home.play(use_up)
    shown = ok(liveness_keys(sqlite_home, "show", "acme", "--json"))
    assert json.loads(shown) == made | {"used": 2, "state": "used up"}
    assert json.loads(ok(liveness_keys(sqlite_home, "set-limit", "acme", "none", "--json")))["limit"] is None
    assert json.loads(ok(liveness_keys(sqlite_home, "reset", "acme", "--json")))["used"] == 0
    revoked = json.loads(ok(liveness_keys(sqlite_home, "revoke", "acme", "--json")))
    assert revoked["state"] == "revoked"
    assert json.loads(ok(liveness_keys(sqlite_home, "list", "--json"))) == [revoked]


def test_tables_show_the_hash_id_once_and_never_again(sqlite_home):
    made = ok(liveness_keys(sqlite_home, "create", "--name", "Zürich [red]北京", "--expires", "30d"))
    hash_id = made.split()[1]
    assert len(bytes.fromhex(hash_id)) == 32
    assert made.count(hash_id) == 1
    for command in ["list"], ["show", "Zürich [red]北京"], ["export"]:
        out = ok(liveness_keys(sqlite_home, *command))
        assert "Zürich [red]北京" in out
        assert hash_id not in out


def test_a_narrow_table_cuts_nothing(sqlite_home):
    names = [f"customer-with-a-rather-long-name-production-{region}" for region in ("eu", "us")]
    for name in names:
        ok(liveness_keys(sqlite_home, "create", "--name", name, "--expires", "2099-12-31T01:02:03Z"))
    listed = ok(liveness_keys(sqlite_home, "list", columns=80))
    rows = [[cell.strip() for cell in line.split("│")] for line in listed.splitlines() if line.startswith("│")]
    columns = ["".join(cells) for cells in zip(*rows, strict=True)]
    assert columns[1] == "".join(names)
    assert columns[6] == 2 * "2099-12-31T01:02:03Z"
    assert max(map(len, listed.splitlines())) == 80


def test_only_create_and_import_make_a_home(sqlite_home, tmp_path):
    for arguments in ["list"], ["show", "a"], ["export"], ["revoke", "a"], ["set-limit", "a", "1"], ["reset", "a"]:
        assert_refused(liveness_keys(sqlite_home, *arguments), "begin anew: `liveness keys create` makes it")
    assert list(tmp_path.iterdir()) == []
    ok(liveness_keys(sqlite_home, "import", "-", input=""))
    assert ok(liveness_keys(sqlite_home, "list", "--json")) == "[]\n"


def test_no_command_harms_the_log_of_a_service_whose_file_was_moved_away(sqlite_home, tmp_path):
    path, log, away = (tmp_path / "house" / name for name in ("keys.sqlite3", "keys.sqlite3-wal", "away"))

    async def story(store):
        await store.create(digest_of("acme"), ACME)
        await store.consume(digest_of("acme"), NOW)
        path.rename(away)
        before = log.read_bytes()
        for arguments in ["list"], ["create", "--name", "second"]:
            assert_refused(liveness_keys(sqlite_home, *arguments), "put the file back")
        assert not path.exists()
        assert log.read_bytes() == before
        away.rename(path)
        await store.consume(digest_of("acme"), NOW)
        assert json.loads(ok(liveness_keys(sqlite_home, "show", "acme", "--json")))["used"] == 2

    sqlite_home.play(story)


def test_a_home_made_in_place_of_the_one_in_use_is_unavailable_to_the_service(sqlite_home, tmp_path):
    folder = tmp_path / "house"

    async def story(store):
        await store.create(digest_of("acme"), ACME)
        folder.rename(tmp_path / "away")
        ok(liveness_keys(sqlite_home, "create", "--name", "second"))
        with pytest.raises(KeyStoreUnavailable, match="put the old file back"):
            await store.authenticate(digest_of("acme"), NOW)

    sqlite_home.play(story)


def test_errors_are_one_line_and_change_nothing(sqlite_home):
    sqlite_home.play(lambda store: store.ping())
    assert "no keys yet" in ok(liveness_keys(sqlite_home, "list"))
    sqlite_home.play(lambda store: store.create(digest_of("acme"), ACME))
    for arguments, text in (
        (["create", "--name", "acme"], "'acme' already"),
        (["create", "--name", "second", "--expires", "soon"], "--expires is like"),
        (["create", "--name", "second", "--limit=-1"], "whole number"),
        (["show", "nobody"], "no key named 'nobody'"),
        (["import", "/nowhere"], "cannot read /nowhere"),
    ):
        assert_refused(liveness_keys(sqlite_home, *arguments), text)
    assert sqlite_home.play(lambda store: store.all()) == [ACME]


def test_a_hash_id_that_nobody_can_see_is_told(sqlite_home):
    assert_refused(
        liveness_keys(sqlite_home, "create", "--name", "acme", "--json", redirection=">&-"), "standard output is closed"
    )
    full = liveness_keys(sqlite_home, "create", "--name", "acme", "--json", redirection=">/dev/full")
    assert_refused(full, "the key 'acme' was made, but its hash_id could not be shown (No space left on device)")
    assert_refused(liveness_keys(sqlite_home, "list", redirection=">/dev/full"), "No space left on device")


def test_a_terminal_of_no_utf_8_shows_what_it_can_and_an_export_is_whole(
    sqlite_home, mongo_home, tmp_path, monkeypatch
):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    made = ok(liveness_keys(sqlite_home, "create", "--name", "Zürich 北京"))
    assert r"Z\xfcrich \u5317\u4eac" in made
    exported = ok(liveness_keys(sqlite_home, "export"))
    assert "Zürich 北京" in exported
    file = tmp_path / "keys.jsonl"
    file.write_text("\ufeff" + exported)  # as some editors store it
    for source in str(file), "-":
        ok(liveness_keys(mongo_home, "import", source, input=exported))
    assert [record.name for record in mongo_home.play(lambda store: store.all())] == ["Zürich 北京"]


def test_what_is_no_text_is_no_export(sqlite_home, tmp_path):
    file = tmp_path / "keys.jsonl"
    file.write_bytes(b"\xff\n")
    for source in str(file), "-":
        refused = liveness_keys(sqlite_home, "import", source, redirection=f"<{file}")
        assert_refused(refused, f"{source} is no file that `liveness keys export` wrote")


def test_a_closed_standard_input_is_one_line(sqlite_home):
    assert_refused(liveness_keys(sqlite_home, "import", "-", redirection="<&-"), "standard input is closed")


def test_an_export_that_does_not_fit_leaves_no_file(sqlite_home, tmp_path):
    keys = [StoredKey(digest_of(str(number)), replace(ACME, name=f"{number:0200}")) for number in range(200)]
    sqlite_home.play(lambda store: store.add(keys))
    output = tmp_path / "keys.jsonl"
    most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, most))
    try:
        assert_refused(
            liveness_keys(sqlite_home, "export", "--output", str(output)), f"cannot write {output}: File too"
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert not output.exists()


def test_a_home_that_is_away_is_one_line():
    class Away:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            url = f"mongodb://127.0.0.1:{probe.getsockname()[1]}/"

    assert_refused(liveness_keys(Away, "list"), "MongoDB does not answer")


def test_keys_move_to_another_home_with_their_hash_id(sqlite_home, mongo_home, tmp_path):
    made = json.loads(ok(liveness_keys(sqlite_home, "create", "--name", "acme", "--limit", "3", "--json")))
    file = tmp_path / "keys.jsonl"
    ok(liveness_keys(sqlite_home, "export", "--output", str(file)))
    assert file.stat().st_mode & 0o777 == 0o600
    assert made["hash_id"] not in file.read_text()
    assert_refused(liveness_keys(sqlite_home, "export", "--output", str(file)), "File exists")
    assert ok(liveness_keys(mongo_home, "import", str(file))) == "1 added, 0 were there already\n"
    again = ok(liveness_keys(mongo_home, "import", "-", "--json", input=file.read_text()))
    assert json.loads(again) == {"added": 0, "kept": 1}
    moved = mongo_home.play(lambda store: store.authenticate(digest_of(made["hash_id"]), datetime.now(timezone.utc)))
    assert moved.limit == 3


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        (None, None),
        ("30d", NOW + timedelta(30)),
        ("2031-05-07", datetime(2031, 5, 7, tzinfo=timezone.utc)),
        ("2031-05-06T08:00", datetime(2031, 5, 6, 8, tzinfo=timezone.utc)),
        ("2031-05-06T08:00:00Z", datetime(2031, 5, 6, 8, tzinfo=timezone.utc)),
        ("2031-05-06 09:30:00+02:00", datetime(2031, 5, 6, 7, 30, tzinfo=timezone.utc)),
    ],
)
def test_an_expiry_is_a_date_a_time_or_a_number_of_days(text, moment):
    assert parse_expiry(text, NOW) == moment


@pytest.mark.parametrize(
    "text", ["", "d", "soon", "0d", "-3d", "99999999999d", "2031-05-06", "2031-13-01", "2031-05-06T07:08:09Z", "\ud800"]
)
def test_an_expiry_that_makes_no_sense_or_has_passed_is_refused(text):
    with pytest.raises(InvalidKeyInput, match="--expires"):
        parse_expiry(text, NOW)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "ten", "\uff11", "1_000", "9" * 16, "9" * 10_000])
def test_a_limit_that_is_no_whole_number_in_range_is_refused(text):
    with pytest.raises(InvalidKeyInput, match="limit"):
        parse_limit(text)


def test_a_limit_is_a_whole_number_or_absent():
    assert [parse_limit(text) for text in (None, "0", "100", "1000000000000000")] == [None, 0, 100, 10**15]
