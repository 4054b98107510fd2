"""A SQLite home of one key, for tests to hurt."""

import signal
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

from frontend.keys.store import KeyRecord, digest_of

NOW = datetime(2031, 5, 6, tzinfo=timezone.utc)
ACME = KeyRecord("acme", 1000, 0, NOW)
DIGEST = digest_of("acme")
TIMEOUT_S = 0.4
ENDLESS = Path(__file__).with_name("consume_endlessly.py")


def path_of(home):
    return Path(home.url.removeprefix("sqlite://"))


def beside(path, suffix):
    return path.with_name(path.name + suffix)


def make_key(home):
    home.play(lambda store: store.create(DIGEST, ACME))
    return path_of(home)


def counts_until_killed(home):
    """How many counts a process reported as done, at least 200, before `kill -9` ended it."""
    command = [sys.executable, str(ENDLESS), home.url, DIGEST.hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ENDLESS.parents[2]) as process:
        seen = process.stdout.read(200)
        process.send_signal(signal.SIGKILL)
        seen += process.stdout.read()
    return len(seen)
