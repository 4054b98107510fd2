"""The audit log's file, wherever it lies and however its last line ended."""

import asyncio
import json
from datetime import datetime, timezone
from pathlib import Path

from frontend.audit.log import audit_log
from frontend.errors import InvalidImage
from frontend.observation import Observation
from frontend.settings import Settings


def note(path: Path, *request_ids: str) -> None:
    """One start of the service, which notes these requests one after the other and rotates after each."""

    async def service() -> None:
        for request_id in request_ids:
            audit = audit_log(Settings(audit_log=str(path), audit_log_max_bytes=4096, audit_log_files=2))
            assert audit
            long = request_id.ljust(3000)
            audit(Observation(long, datetime.now(timezone.utc), None, InvalidImage("no"), {}, 0.01))
            await audit.close()

    asyncio.run(service())


def test_of_a_link_the_file_that_it_leads_to_is_rotated(tmp_path: Path) -> None:
    link, disk = tmp_path / "audit.jsonl", tmp_path / "disk"
    disk.mkdir()
    link.symlink_to(disk / "log")
    note(link, "1", "2", "3", "4")
    assert link.is_symlink()
    assert list(tmp_path.glob("audit*")) == [link]
    assert sorted(file.name for file in disk.iterdir()) == ["log", "log.1"]
    assert '"4' in link.read_text()


def test_a_line_that_a_power_cut_has_cut_short_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.write_text('{"time": "2031-05-')
    note(path, "next")
    half, line = path.read_text().splitlines()
    assert half == '{"time": "2031-05-'
    assert json.loads(line)["request_id"].strip() == "next"
