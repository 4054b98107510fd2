"""The benchmarks that take longest, for as short as they go: the figures mean nothing, that they are there does."""

import pytest

from benchmarks.lib.command import Unable
from benchmarks.lib.perf_analyzer import program
from tests.benchmarks.commands import run_benchmark


def test_limit_tells_every_stage(tmp_path):
    results, _ = run_benchmark("limit", tmp_path, "--seconds", 0.2, "--repetitions", 1, "--cores", 1)
    by_itself = {"parse", "base64", "decode", "detect", "crop", "hop", "model", "respond"}
    assert by_itself <= results["stages_ms"].keys()
    assert results["limit_per_second"]["1 thread"]["median"] > 0
    for stages in results["in_service_ms"].values():
        assert {"parse", "decode", "detect", "crop", "score"} <= stages.keys()
        assert stages["whole"] > stages["decode"] > 0


def test_goals_sets_figures_beside_their_bounds(tmp_path):
    options = ("--only", "latency,memory", "--repetitions", 1, "--seconds", 1, "--requests", 5, "--warm-up", 1)
    results, table = run_benchmark("goals", tmp_path, *options)
    (sample,) = results["goals"]["latency"]["samples"]
    assert sample["errors"] == 0
    assert sample["ratio"] == pytest.approx(sample["parts"]["p50, ms"] / sample["parts"]["one pass, ms"])
    assert results["memory"]["requests"][-1] >= 5
    assert min(results["memory"]["memory_bytes"]) > 50e6
    assert "≤ 1.35" in table
    assert "< 3%" in table


def test_peers_answer_the_same_load(tmp_path):
    options = ("--only", "LitServe", "--seconds", 1, "--rounds", 1, "--pictures", "jpeg-640x480")
    results, _ = run_benchmark("peers", tmp_path, *options)
    (measured,) = results["measurements"]
    assert [load["errors"] for load in measured["alone"] + measured["saturated"]] == [0, 0]


def test_capacity_measures_checks_and_foretells(tmp_path):
    options = ("--seconds", 1, "--cores", "32", "--simulated", "32", "--requests", 1000)
    results, table = run_benchmark("capacity", tmp_path, *options)
    for measured in results["measured"]:
        assert measured["saturated"]["errors"] == 0
        assert measured["costs"]["frontend_s"] > measured["costs"]["triton_s"] > 0.0005
    assert results["counts_a_second_on_one_key"]["measured"] > 10
    assert "cores of" in table
    assert (tmp_path / "capacity.png").stat().st_size > 10_000


def test_scale_measures_each_number_of_tritons(tmp_path):
    results, _ = run_benchmark("scale", tmp_path, "--seconds", 1, "--most", 2, "--share", 0)
    ((name, loads),) = ((name, loads) for name, loads in results.items() if name != "environment")
    assert "cores" in name
    assert [load["errors"] for load in loads] == [0, 0]
    assert all(load["per_second"] > 0 for load in loads)


def test_perf_analyzer_measures_every_variant(tmp_path):
    try:
        program("")
    except Unable as error:
        pytest.skip(str(error))
    options = ("--instances", "1", "--threads", "1", "--batching", "on", "--concurrency", "1,2", "--seconds", 1.5)
    results, _ = run_benchmark("triton", tmp_path, *options)
    assert [m["concurrency"] for m in results["measurements"]] == [1, 2]
    assert all(m["rounds"][0]["Inferences/Second"] > 0 for m in results["measurements"])
    assert (tmp_path / "triton.csv").read_text().startswith("Instances,Threads,Batching,Concurrency")
