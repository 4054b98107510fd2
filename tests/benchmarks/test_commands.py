"""Each benchmark's command, for as short as it goes: the figures mean nothing, that they are there does."""

import subprocess
import sys
import time

import psutil
import pytest

from benchmarks.lib import stack as stacks
from benchmarks.lib.corpus import corpus
from benchmarks.lib.load import closed_loop, open_loop
from benchmarks.lib.stack import Service

from .commands import ROOT, run_benchmark


def test_http_counts_and_times_what_a_service_answers(tmp_path, stack, make_key):
    options = ("--seconds", 1, "--concurrency", "2", "--share", "0.5", "--pictures", "jpeg-640x480")
    results, table = run_benchmark("http", tmp_path, "--url", stack.url, "--hash-id", make_key(), *options)
    for load in (*results["closed"], *results["open"], *results["pictures"]["jpeg-640x480"]):
        assert load["requests"] > 0
        assert load["errors"] == 0
        assert 0 < load["percentiles_ms"]["50"] <= load["percentiles_ms"]["99"] <= load["percentiles_ms"]["100"]
    assert "2 at once" in table


def test_refusals_are_errors_not_throughput(tmp_path, stack, make_key):
    target = Service(stack.url, make_key(limit=0), tmp_path).target(corpus(["jpeg-640x480"]))
    for load in (closed_loop(target, 1, 1), open_loop(target, 20, 0.5)):
        assert load.errors == load.requests > 0
        assert load.per_second == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("goals", "--only", "fame"), "there is no goal fame"),
        (("triton", "--perf-analyzer", "/nowhere"), "perf_analyzer is not here"),
        (("http", "--pictures", "gif"), "no picture is called gif"),
    ],
)
def test_what_is_missing_is_said_in_one_line(tmp_path, arguments, expected):
    name, *options = arguments
    command = [sys.executable, "-m", f"benchmarks.{name}", "--out", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert expected in done.stderr


def test_a_benchmark_that_is_ended_stops_its_service(tmp_path):
    command = [sys.executable, "-m", "benchmarks.overload", "--seconds", "60", "--out", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as benchmark:
        started, deadline_s = [], time.monotonic() + 60
        while len(started) < 4 and time.monotonic() < deadline_s:  # the service, Triton's guard, Triton, a worker
            time.sleep(0.1)
            started = psutil.Process(benchmark.pid).children(recursive=True)
        benchmark.terminate()
    assert len(started) >= 4
    _, alive = psutil.wait_procs(started, timeout=30)
    assert not alive


def test_a_service_of_our_own_is_asked_past_the_proxy(stack, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(stacks, "START_TIMEOUT_S", 1)
    assert stacks._once_it_is_live(stack.url) == stack.url
