"""The servers that are compared, each started as its users start it."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from benchmarks.lib.command import Unable
from benchmarks.lib.corpus import Picture
from benchmarks.lib.stack import Service, running_stack
from frontend.cores import usable_cores

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 5
Peer = Callable[[Picture], AbstractContextManager[Service]]


def peers() -> dict[str, Peer]:
    """Name → what starts it; it is asked about a picture until it answers."""
    cores = usable_cores()
    return {
        "this service": lambda _: running_stack(),
        "FastAPI, 1 process": lambda picture: _started(_uvicorn(1), picture),
        f"FastAPI, {cores} processes": lambda picture: _started(_uvicorn(cores), picture),
        f"LitServe, {cores} workers": lambda picture: _started(["-m", "benchmarks.peers.litserve_app"], picture),
    }


def _uvicorn(workers: int) -> list[str]:
    factory = "benchmarks.peers.fastapi_app:create_app"
    return ["-m", "uvicorn", "--factory", factory, "--log-level", "warning", "--workers", str(workers), "--port"]


@contextmanager
def _started(arguments: list[str], picture: Picture) -> Iterator[Service]:
    """Run Python with these arguments and a free port behind them."""
    with tempfile.TemporaryDirectory(prefix="liveness-benchmark-") as name:
        folder = Path(name)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        log = folder / "server.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, *arguments, str(port)],
                stdout=output,
                stderr=output,
                text=True,
                cwd=Path(__file__).parents[2],
                env=os.environ | {"TMPDIR": name},
                start_new_session=True,
            )
        service = Service(f"http://127.0.0.1:{port}", "0" * 64, folder)
        try:
            _wait_for_an_answer(service, picture, process, log)
            yield service
        finally:
            _stop_all(process)


def _stop_all(process: "subprocess.Popen[str]") -> None:
    """End the server, and then what is left of its process group: LitServe leaves its workers behind."""
    process.terminate()
    deadline_s = time.monotonic() + STOP_TIMEOUT_S
    ended = os.WEXITED | os.WNOHANG | os.WNOWAIT  # not reaped yet, so that its number stays its own
    while os.waitid(os.P_PID, process.pid, ended) is None and time.monotonic() < deadline_s:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_for_an_answer(service: Service, picture: Picture, process: "subprocess.Popen[str]", log: Path) -> None:
    body = picture.body(service.hash_id)
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{service.url}/liveness", body, headers)  # noqa: S310 - our own address
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline_s:
        with suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(request, timeout=30).close()  # noqa: S310
            return
        time.sleep(0.2)
    raise Unable(f"{' '.join(process.args)} does not answer: {log.read_text()[-800:]}")  # type: ignore[arg-type]
