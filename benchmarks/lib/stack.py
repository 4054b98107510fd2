"""The whole service, started as an operator starts it, with a key that has no limit."""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import psutil

from benchmarks.lib.command import Unable
from benchmarks.lib.cores import confined
from benchmarks.lib.corpus import Picture
from benchmarks.lib.load import Target
from frontend.cli.stack import is_live
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id

STOP_TIMEOUT_S = 20
START_TIMEOUT_S = 30
ITS_OWN = ("LIVENESS_TRITON_URL", "LIVENESS_KEYS_URL")
"""Settings that are not passed on; all others are, so that they can be compared."""


@dataclass(frozen=True)
class Service:
    """A service to be asked, with a key of it, and the folder that request bodies are written to."""

    url: str
    hash_id: str
    folder: Path
    cores: list[int] | None = None
    process: psutil.Process | None = None

    def target(self, pictures: Sequence[Picture]) -> Target:
        """A load's target: these pictures in turn, with this service's key."""
        files = []
        for picture in pictures:
            file = self.folder / f"{picture.name}.json"
            if not file.exists():
                file.touch(mode=0o600)  # the key is in it
                file.write_bytes(picture.body(self.hash_id))
            files.append(file)
        return Target(f"{self.url}/liveness", files, self.cores)

    def memory_bytes(self) -> int:
        """Memory of all its processes, shared pages counted once (PSS)."""
        if self.process is None:
            raise Unable("this service was not started here")
        total = 0
        for process in (self.process, *self.process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += process.memory_full_info().pss
        return total


@contextmanager
def running_stack(cores: list[int] | None = None, **settings: object) -> Iterator[Service]:
    """`liveness up`, or with a `triton_url` `liveness serve`, on a free port with keys of its own.

    The environment's settings hold where none is given here.
    """
    command = "serve" if "triton_url" in settings else "up"
    with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as name:
        folder = Path(name)
        with (folder / "stderr.log").open("w") as stderr:
            process = subprocess.Popen(
                confined([sys.executable, "-m", "frontend.cli", command], cores),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env=_environment(settings | {"port": 0, "host": "127.0.0.1", "data_dir": folder}),
                cwd=Path(__file__).parents[2],
            )
        try:
            url = _url_when_ready(process, folder)
            hash_id = asyncio.run(_new_key(f"sqlite:///{folder / 'keys.sqlite3'}"))
            yield Service(url, hash_id, folder, cores, psutil.Process(process.pid))
        finally:
            _stop(process)


def _stop(process: "subprocess.Popen[str]") -> None:
    """End a server gently, or by force where it takes too long."""
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _environment(settings: dict[str, object]) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ITS_OWN}
    return inherited | {f"LIVENESS_{name.upper()}": str(value) for name, value in settings.items()}


def _url_when_ready(process: "subprocess.Popen[str]", folder: Path) -> str:
    url = ""
    for line in process.stdout or ():
        if line.startswith("listening on "):
            return _once_it_is_live(line.split()[2])
        if line.startswith("Services is live: "):
            url = line.split()[3]
        if line.startswith("Ctrl-C"):
            return url
    raise Unable(f"the service ended: {(folder / 'stderr.log').read_text()[-1000:]}")


def _once_it_is_live(url: str) -> str:
    end_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end_s:
        if is_live(url):
            return url
        time.sleep(0.1)
    raise Unable(f"the service at {url} is not live after {START_TIMEOUT_S} s")


async def _new_key(keys_url: str) -> str:
    hash_id = new_hash_id()
    store = key_store(keys_url, 5.0)
    await store.open()
    try:
        await store.create(digest_of(hash_id), KeyRecord("benchmark", None, 0, datetime.now(timezone.utc)))
    finally:
        await store.close()
    return hash_id
