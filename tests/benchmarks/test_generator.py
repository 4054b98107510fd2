"""The generator of constant arrivals must not be talked into hiding what a slow server does."""

import http.server
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.lib.generator import run_load


@contextmanager
def server(answer) -> Iterator[str]:
    """A server that calls `answer(number)` for a status, one request at a time on each connection."""
    count = iter(range(10**6))

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(answer(next(count)))
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/liveness"
        httpd.shutdown()


def stall_first(number: int) -> int:
    if number == 0:
        time.sleep(0.5)
    return 201


def test_requests_that_were_due_while_the_server_stalled_count_their_waiting():
    with server(stall_first) as url:
        tally = run_load(url, [b"{}"], rate=50, connections=1, seconds=1)
    assert tally.errors == 0
    assert len(tally.latencies_s) == 50
    late = [latency for latency in tally.latencies_s if latency > 0.25]
    assert 10 <= len(late) <= 35  # those due within the first quarter of a second, not the first request alone


def test_arrivals_keep_their_rate_whatever_the_server_does():
    with server(lambda _: time.sleep(0.2) or 201) as url:
        begun_s = time.perf_counter()
        tally = run_load(url, [b"{}"], rate=40, connections=32, seconds=0.5)
    assert len(tally.latencies_s) == 20
    assert time.perf_counter() - begun_s < 2.5
    assert max(tally.lateness_s) < 0.5


def test_what_could_not_be_sent_in_time_is_an_error():
    with server(lambda _: time.sleep(0.2) or 201) as url:
        tally = run_load(url, [b"{}"], rate=40, connections=1, seconds=0.5)
    assert len(tally.latencies_s) + tally.errors == 20
    assert tally.errors >= 10


@pytest.mark.parametrize("rate", [0, 40])
def test_refusals_are_errors_and_have_no_latency(rate):
    with server(lambda number: 503 if number % 2 else 201) as url:
        tally = run_load(url, [b"{}"], rate=rate, connections=1, seconds=0.5)
    assert tally.errors == pytest.approx(len(tally.latencies_s), abs=1)
    assert tally.errors > 5


def test_nobody_listening_is_errors():
    tally = run_load("http://127.0.0.1:9/liveness", [b"{}"], rate=20, connections=2, seconds=0.5)
    assert tally.errors == 10
    assert tally.latencies_s == []
