"""Two frontend processes share connections alike, and one that hangs holds up no new connection."""

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import frontend_processes, running, within

CONNECTIONS = 24


@contextmanager
def two_processes(folder: Path, **settings: object) -> Iterator[tuple[str, list[psutil.Process]]]:
    """`liveness up` with two frontend processes: its address, and those."""
    settings |= {"port": 0, "data_dir": folder, "workers": 2}
    with running("up", "Ctrl-C", log=folder / "log", **settings) as (process, ready):
        url = ready.split("Services is live: ")[1].split()[0]
        workers = frontend_processes(psutil.Process(process.pid))
        assert len(workers) == 2
        assert within(30, lambda: (folder / "log").read_text().count("startup complete") == 2)
        yield url, workers


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[psutil.Process]]]:
    with two_processes(tmp_path_factory.mktemp("two-processes")) as service:
        yield service


def connections_of(worker: psutil.Process, port: int) -> int:
    return sum(c.status == psutil.CONN_ESTABLISHED and c.laddr.port == port for c in worker.net_connections("tcp"))


@pytest.mark.parametrize("round_", range(3))
def test_each_has_its_share(service: tuple[str, list[psutil.Process]], round_: int) -> None:
    url, workers = service
    host, port = httpx.URL(url).host, httpx.URL(url).port or 0
    with ExitStack() as open_connections:
        for _ in range(CONNECTIONS):
            open_connections.enter_context(socket.create_connection((host, port)))
        assert within(5, lambda: sum(connections_of(w, port) for w in workers) == CONNECTIONS)
        shares = [connections_of(worker, port) for worker in workers]
    assert min(shares) >= CONNECTIONS / 2 - 4, shares
    assert within(5, lambda: not any(connections_of(worker, port) for worker in workers))


def test_one_that_hangs_holds_up_no_new_connection(service: tuple[str, list[psutil.Process]]) -> None:
    url, (hung, _) = service
    hung.send_signal(signal.SIGSTOP)
    try:
        for _ in range(CONNECTIONS):
            begun_s = time.monotonic()
            assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
            assert time.monotonic() - begun_s < 1
    finally:
        hung.send_signal(signal.SIGCONT)


def test_beside_one_that_hangs_more_connections_are_taken_than_could_be_judged(
    service: tuple[str, list[psutil.Process]],
) -> None:
    url, (hung, _) = service
    host, port = httpx.URL(url).host, httpx.URL(url).port or 0

    def ask() -> None:
        with socket.create_connection((host, port), timeout=10) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")

    hung.send_signal(signal.SIGSTOP)
    try:
        begun_s = time.monotonic()
        with ThreadPoolExecutor(12) as clients:
            for asked in [clients.submit(ask) for _ in range(400)]:
                asked.result()
        assert time.monotonic() - begun_s < 3
    finally:
        hung.send_signal(signal.SIGCONT)
