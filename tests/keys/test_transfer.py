"""Moving keys between homes."""

import json
from datetime import datetime, timedelta, timezone

import pytest

from frontend.errors import InvalidKeyInput, KeyNameTaken
from frontend.keys.store import KeyRecord, StoredKey, checked_name, digest_of
from frontend.keys.transfer import ImportReport, from_lines, import_keys, to_lines

NOW = datetime(2031, 5, 6, 7, 8, 9, 123000, tzinfo=timezone.utc)
KEYS = [
    StoredKey(digest_of("1"), KeyRecord("plain", None, 0, NOW)),
    StoredKey(digest_of("2"), KeyRecord('Zürich "北京" 🏦', 10**12, 77, NOW + timedelta(1), NOW + timedelta(9))),
    StoredKey(digest_of("3"), KeyRecord("revoked", 0, 0, NOW + timedelta(2), None, NOW + timedelta(3))),
]
LINE = json.loads(to_lines(KEYS[:1]))


def line(**changes):
    return json.dumps(LINE | changes)


def test_keys_survive_the_way_through_both_homes(sqlite_home, mongo_home):
    sqlite_home.play(lambda store: store.add(KEYS))
    exported = to_lines(sqlite_home.play(lambda store: store.export()))
    assert mongo_home.play(lambda store: import_keys(store, from_lines(exported))) == ImportReport(added=3, kept=0)
    assert mongo_home.play(lambda store: store.export()) == KEYS
    assert to_lines(mongo_home.play(lambda store: store.export())) == exported


def test_a_line_holds_every_field_and_no_more(home):
    home.play(lambda store: store.add(KEYS))
    assert json.loads(to_lines(home.play(lambda store: store.export())).split("\n")[1]) == {
        "digest": digest_of("2").hex(),
        "name": 'Zürich "北京" 🏦',
        "limit": 10**12,
        "used": 77,
        "created_at": "2031-05-07T07:08:09.123000Z",
        "expires_at": "2031-05-15T07:08:09.123000Z",
        "revoked_at": None,
    }


def test_a_second_import_adds_nothing_and_leaves_counts_and_limits(home):
    async def story(store):
        await store.add(KEYS[:1])
        await store.consume(KEYS[0].digest, NOW)
        await store.set_limit("plain", 5)
        assert await import_keys(store, KEYS) == ImportReport(added=2, kept=1)
        assert await import_keys(store, KEYS) == ImportReport(added=0, kept=3)
        assert await store.get("plain") == KeyRecord("plain", 5, 1, NOW)

    home.play(story)


def test_a_conflict_names_every_key_in_the_way_and_nothing_is_imported(home):
    async def story(store):
        present = [
            StoredKey(digest_of("other"), KeyRecord("plain", None, 0, NOW)),
            StoredKey(digest_of("3"), KeyRecord("renamed", None, 0, NOW)),
        ]
        await store.add(present)
        with pytest.raises(KeyNameTaken, match=r"'plain' \(here with another.*'revoked' \(here as 'renamed'\)"):
            await import_keys(store, KEYS)
        assert {record.name for record in await store.all()} == {"plain", "renamed"}

    home.play(story)


def test_an_empty_file_imports_nothing(home):
    assert home.play(lambda store: import_keys(store, from_lines("\n\n"))) == ImportReport(added=0, kept=0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "line 1: the line: Invalid JSON"),
        ("[]", "line 1: the line"),
        ('{"digest": "', "line 1: the line: Invalid JSON"),
        (line(digest="ab"), "line 1: digest"),
        (line(digest="G" * 64), "line 1: digest"),
        (line(digest=digest_of("1").hex() + "\n"), "line 1: digest"),
        (line(name=""), "line 1: a key's name"),
        (line(name=5), "line 1: name"),
        (line(name="bell\a"), "line 1: a key's name"),
        (line(limit=-1), "line 1: limit"),
        (line(limit=True), "line 1: limit"),
        (line(limit="5"), "line 1: limit"),
        (line(limit=10**30), "line 1: limit"),
        (line(used=None), "line 1: used"),
        (line(created_at="2031-05-06T00:00:00"), "line 1: created_at"),
        (line(created_at=None), "line 1: created_at"),
        (line(expires_at="soon"), "line 1: expires_at"),
        (line(created_at="0001-01-01T00:00:00+14:00"), "line 1: created_at"),
        (line(expires_at="9999-12-31T23:59:59-14:00"), "line 1: expires_at"),
        (line(extra=1), "line 1: extra"),
        (json.dumps({k: v for k, v in LINE.items() if k != "used"}), "line 1: used"),
        (line() + "\n\n" + line(name="other"), "line 3 has the same name or digest as line 1"),
        (line() + "\n" + line(digest="0" * 64), "line 2 has the same name or digest as line 1"),
    ],
)
def test_a_bad_line_is_named_with_its_fault(text, message):
    with pytest.raises(InvalidKeyInput) as refusal:
        from_lines(text)
    assert message in str(refusal.value)


@pytest.mark.parametrize("name", ["", " ", " a", "a ", "a\nb", "\ud800", "\x00", "a" * 201, "\u200b"])
def test_a_name_that_cannot_be_printed_or_told_apart_is_refused(name):
    with pytest.raises(InvalidKeyInput, match="printable"):
        checked_name(name)


def test_one_name_in_two_spellings_is_one_name():
    assert checked_name("Zu\u0308rich") == checked_name("Z\u00fcrich") == "Z\u00fcrich"
