"""A container's CPU quota counts, in either version of control groups."""

import os
from pathlib import Path

import pytest

from frontend.cores import usable_cores

ALL = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("50000 100000", 1), ("100000 100000", 1), ("110000 100000", min(2, ALL)), ("max 100000", ALL), ("odd", ALL)],
)
def test_quota_of_version_2(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("110000", min(2, ALL)), ("-1", ALL)])
def test_quota_of_version_1(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu/cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu/cpu.cfs_period_us").write_text("100000\n")
    assert usable_cores(tmp_path) == cores


def test_no_quota(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == ALL
