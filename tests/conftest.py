"""The whole service, started once as an operator starts it, and what the tests ask of it."""

import asyncio
import base64
import io
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import cv2
import httpx
import numpy as np
import psutil
import pytest
from PIL import Image
from skimage import data

from frontend.images import RgbImage
from frontend.keys.homes import key_store
from frontend.keys.store import KeyRecord, digest_of, new_hash_id


@dataclass(frozen=True)
class Stack:
    """A running service."""

    url: str
    data_dir: Path
    process: subprocess.Popen[str]
    ready_lines: str

    @property
    def keys_url(self) -> str:
        return f"sqlite:///{self.data_dir / 'keys.sqlite3'}"


def environment(**settings: object) -> dict[str, str]:
    """This environment with none of our settings but these, and one frontend process unless they say otherwise."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LIVENESS_")}
    ours = {"workers": 1, **settings}
    return inherited | {f"LIVENESS_{name.upper()}": str(value) for name, value in ours.items()}


@contextmanager
def running(
    command: str, expected: str, log: Path, timeout_s: float = 60, **settings: object
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`liveness COMMAND` and what it printed up to the line that begins with `expected`; ended by SIGTERM."""
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "frontend.cli", command],
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment(**settings),
        )
    lines: queue.Queue[str | None] = queue.Queue()

    assert process.stdout

    def read() -> None:
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        seen = ""
        while not seen.rpartition("\n")[0].rpartition("\n")[2].startswith(expected):
            line = lines.get(timeout=timeout_s)
            if line is None:
                pytest.fail(f"`liveness {command}` ended with {process.wait()}: {seen}{log.read_text()[-2000:]}")
            seen += line
        yield process, seen
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        reader.join()
        process.stdout.close()


def within(timeout_s: float, holds: Callable[[], bool]) -> bool:
    """Wait until it holds; False where it did not in time."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if holds():
            return True
        time.sleep(0.05)
    return False


def frontend_processes(service: psutil.Process) -> list[psutil.Process]:
    """The processes of `liveness up` or `serve` that answer requests, where there are several."""
    found = []
    for child in service.children():
        with suppress(psutil.NoSuchProcess):  # a zombie is none either
            if any("spawn_main" in word for word in child.cmdline()):
                found.append(child)
    return found


def tritonserver(service: psutil.Process) -> psutil.Process:
    """The tritonserver of `liveness up`."""
    return next(child for child in service.children(recursive=True) if child.name() == "tritonserver")


def all_gone(processes: Iterable[psutil.Process]) -> bool:
    """Whether none of them runs any more."""

    def runs(process: psutil.Process) -> bool:
        with suppress(psutil.NoSuchProcess):  # it may end while it is asked
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        return False

    return not any(map(runs, processes))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`liveness up` on free ports, with a real tritonserver, kept for the whole run."""
    data_dir = tmp_path_factory.mktemp("stack")
    log = data_dir / "stderr.log"
    with running("up", "Ctrl-C", port=0, data_dir=data_dir, log=log) as (process, ready):
        url = ready.split("Services is live: ")[1].split()[0]
        yield Stack(url, data_dir, process, ready)
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture(scope="session")
def client(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, timeout=20) as http:
        yield http


MakeKey = Callable[..., str]


@pytest.fixture(scope="session")
def make_key(stack: Stack) -> MakeKey:
    """Make a key in the running stack's home, and return its hash_id."""
    numbers = count()

    def make(limit: int | None = None, **fields: datetime | None) -> str:
        hash_id = new_hash_id()
        record = KeyRecord(f"test-{next(numbers)}", limit, 0, datetime.now(timezone.utc), **fields)
        asyncio.run(_create(stack.keys_url, hash_id, record))
        return hash_id

    return make


async def _create(keys_url: str, hash_id: str, record: KeyRecord) -> None:
    store = key_store(keys_url, 5.0)
    await store.open()
    try:
        await store.create(digest_of(hash_id), record)
    finally:
        await store.close()


@pytest.fixture(scope="session")
def used(stack: Stack) -> Callable[[str], int]:
    """How many verdicts the key with this hash_id was given."""

    async def count_of(hash_id: str) -> int:
        store = key_store(stack.keys_url, 5.0)
        await store.open()
        try:
            return (await store.authenticate(digest_of(hash_id), datetime.now(timezone.utc))).used
        finally:
            await store.close()

    return lambda hash_id: asyncio.run(count_of(hash_id))


@pytest.fixture(scope="session")
def hash_id(make_key: MakeKey) -> str:
    """A key without a limit."""
    return make_key()


@pytest.fixture(scope="session")
def portrait() -> RgbImage:
    """A public-domain portrait (NASA's photograph of Eileen Collins), [960, 1280, 3] uint8 RGB."""
    enlarged = cv2.resize(data.astronaut(), (1280, 1280), interpolation=cv2.INTER_CUBIC)[:960]
    return np.asarray(enlarged, np.uint8)


@pytest.fixture(scope="session")
def portrait_jpeg(portrait: RgbImage) -> bytes:
    return jpeg_of(portrait)


def jpeg_of(image: RgbImage, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", **({"quality": 90} | options))  # type: ignore[arg-type]
    return file.getvalue()


def png_of(image: RgbImage, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).convert(mode).save(file, "PNG", compress_level=1)
    return file.getvalue()


def data_uri(data: bytes, media_type: str = "image/jpeg") -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def recaptured_on_a_screen(image: RgbImage) -> RgbImage:
    """The picture as a screen shows it to a camera: seen smaller before a wall, with a bezel, moiré and a blue cast."""
    scene = np.full((1280, 1280, 3), 150, np.uint8)
    scene[170:1110, 250:1030] = 15
    scene[200:1080, 280:1000] = cv2.resize(image[:, 160:1120], (720, 880), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:1280, :1280]
    moire = 0.88 + 0.12 * np.sin(x / 2.3 + y / 7.1)
    cast = np.array([0.85, 0.95, 1.1])
    return np.asarray(np.clip(scene * moire[:, :, None] * cast, 0, 255), np.uint8)
