"""The two benchmarks that strain the service, for seconds: it keeps its promises, whatever the machine's speed."""

import json

from .commands import run_benchmark


def test_overload_is_shared_out_and_the_rest_turned_away_at_once(tmp_path):
    _, table = run_benchmark("overload", tmp_path, "--seconds", 5, "--picture", "jpeg-640x480")
    found = json.loads((tmp_path / "overload.json").read_text())
    assert found["refused"] > 50, table
    assert found["other answers"] == 0, table
    assert found["refused without Retry-After"] == 0, table
    assert found["accepted p99 / saturated p99"] < 10, table  # of a queue without bound: over 15
    assert found["refused p50, ms"] < min(200, found["accepted p50, ms"] / 2), table
    assert found["verdicts a second"] > 0.25 * found["saturation, verdicts a second"], table
    assert found["judged of the modest key, share"] > 2 * found["judged of the greedy key, share"], table
    assert found["health checks failed"] == 0, table
    assert found["memory growth, share"] < 0.25, table


def test_endurance_with_faults_counts_exactly_and_leaks_nothing(tmp_path):
    options = ("--requests", 150, "--rate", 12, "--fault-every-s", 4, "--saturation-s", 1, "--seed", 1)
    found, table = run_benchmark("endurance", tmp_path, *options)
    assert found["faults"], table
    assert all(fault["recovery_s"] < 15 for fault in found["faults"]), table
    answers = found["answers"]
    assert answers["wrong"] == answers["cut"] == answers["503_without_retry_after"] == 0, table
    assert sum(answers["by_status"].values()) == 150, table
    assert answers["by_status"]["201"] > 20, table
    for key, count in found["counts"].items():
        assert count["delivered"] == count["counted"], (key, table)
    assert found["counts"]["open"]["counted"] > 0
    assert found["growth"]["processes"]["late"] == found["growth"]["processes"]["early"], table
    assert answers["longest_s"] < 11
