"""A service of its own that is treated badly, at its most talkative."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import Stack, running
from tests.hostile.keys import change_key

Serving = Callable[..., AbstractContextManager["Served"]]


@dataclass(frozen=True)
class Served:
    """A running `liveness serve`."""

    url: str
    pid: int
    log: Path


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`liveness up` that logs all it ever logs, and bears any number of failed authentications."""
    data_dir = tmp_path_factory.mktemp("target")
    settings = {"port": 0, "data_dir": data_dir, "log_level": "debug", "failed_authentications_allowed": 0}
    with running("up", "Ctrl-C", log=data_dir / "stderr.log", **settings) as (process, ready):
        yield Stack(ready.split("Services is live: ")[1].split()[0], data_dir, process, ready)


@pytest.fixture(scope="session")
def hash_id(target: Stack) -> str:
    """The demo key, with a limit so high that it is never reached."""
    text = target.ready_lines.split("demo hash_id: ")[1].split()[0]
    change_key(target.keys_url, "demo", limit=None)
    return text


@pytest.fixture(scope="session")
def serving(target: Stack, tmp_path_factory: pytest.TempPathFactory) -> Serving:
    """`liveness serve` with these settings, in front of the Triton and the keys of `target`."""
    triton_url = (target.data_dir / "stderr.log").read_text().split("Triton answers at ")[1].split(",")[0].split()[0]

    @contextmanager
    def start(**settings: object) -> Iterator[Served]:
        data_dir = tmp_path_factory.mktemp("served")
        log = data_dir / "stderr.log"
        given = {"port": 0, "data_dir": data_dir, "keys_url": target.keys_url, "triton_url": triton_url} | settings
        with running("serve", "listening on", log, **given) as (process, seen):
            url = seen.split("listening on ")[1].split()[0]
            deadline_s = time.monotonic() + 30
            while time.monotonic() < deadline_s and httpx.get(f"{url}/status_check", timeout=30).status_code != 200:
                time.sleep(0.05)
            yield Served(url, process.pid, log)

    return start
