"""Reports and calibrations are written whole, or what could not be is named."""

import errno
import os
from pathlib import Path

import pytest

from frontend.errors import StartRefused
from frontend.evaluation.writing import write_whole


def test_full_disk_is_named_and_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "old.json"
    old.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for file in (tmp_path / "a/b/report.html", old):
        with pytest.raises(StartRefused, match=f"^cannot write {file}: No space left on device$"):
            write_whole({file: "new"})
    assert [path.name for path in tmp_path.iterdir()] == ["old.json"]
    assert old.read_text() == "old"
