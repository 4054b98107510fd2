"""The audit log names every request once, whatever the number of processes, and stops nothing."""

import asyncio
import json
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import httpx
import pytest

from frontend.audit import log as log_module
from frontend.audit.file import RotatedFile
from frontend.audit.log import AuditLog, audit_log
from frontend.errors import InvalidImage, StartRefused
from frontend.observation import Observation
from frontend.settings import Settings
from tests.conftest import data_uri
from tests.hostile.conftest import Serving
from tests.hostile.seeds import jpeg_seeds, small_picture

REQUESTS = 60
PROCESSES = 4
LINES = 250


def records(path: Path) -> list[dict[str, object]]:
    """All files of the log, the oldest first."""
    files = sorted(path.parent.glob(f"{path.name}*"), key=lambda f: int(f.suffix[1:]) if f.suffix[1:].isdigit() else 0)
    return [json.loads(line) for file in reversed(files) for line in file.read_text().splitlines()]


def observation(request_id: str = "r") -> Observation:
    return Observation(request_id, datetime.now(timezone.utc), "acme", InvalidImage("no"), {}, 0.01)


def test_every_request_has_its_line_across_processes_and_rotations(
    serving: Serving, hash_id: str, tmp_path: Path
) -> None:
    path = tmp_path / "log" / "audit.jsonl"
    picture = data_uri(jpeg_seeds(small_picture())[0])
    bodies = [{"hash_id": hash_id, "selfie_image": picture}, {"hash_id": hash_id, "selfie_image": "/9j/"}, {}]
    settings = {"audit_log": path, "audit_log_max_bytes": 4096, "audit_log_files": 50}

    with serving(workers=2, **settings) as served:

        def ask(number: int) -> int:
            headers = {"X-Request-ID": f"request-{number}", "Connection": "close"}  # another process may take the next
            return client.post("/liveness", json=bodies[number % 3], headers=headers).status_code

        with httpx.Client(base_url=served.url, timeout=60) as client, ThreadPoolExecutor(4) as pool:
            statuses = list(pool.map(ask, range(REQUESTS)))
    assert statuses == [201, 400, 401] * (REQUESTS // 3)
    written = {str(record["request_id"]): record for record in records(path)}
    assert len(records(path)) == REQUESTS
    assert set(written) == {f"request-{number}" for number in range(REQUESTS)}
    verdict, invalid, unknown = (written[f"request-{number}"] for number in range(3))
    of_the_verdict = ["is_live", "liveness_score", "face_found", "raw_score"]
    assert list(verdict) == ["time", "request_id", "key", "outcome", *of_the_verdict, "latency_ms"]
    assert (verdict["key"], verdict["outcome"]) == ("demo", "live")
    assert 0 < float(str(verdict["latency_ms"])) < 30_000
    assert (invalid["key"], invalid["outcome"]) == ("demo", "invalid_image")
    assert (unknown["key"], unknown["outcome"]) == (None, "invalid_credentials")
    assert datetime.fromisoformat(str(verdict["time"])).tzinfo is not None
    files = list(path.parent.iterdir())
    assert len(files) > 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(file.stat().st_size <= 4096 for file in files)


WRITER = """
import json, sys
from pathlib import Path
from frontend.audit.file import RotatedFile
path, writer, lines = sys.argv[1:]
file = RotatedFile(Path(path), max_bytes=4_000, files=200)
for number in range(int(lines)):
    file.append(json.dumps({"request_id": f"{writer}-{number}", "filling": "x" * (number % 90)}).encode() + b"\\n")
"""


def test_processes_that_rotate_at_once_lose_and_mix_no_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, str(writer), str(LINES)]) for writer in range(PROCESSES)]
    assert [process.wait(60) for process in writers] == [0] * PROCESSES
    written = [record["request_id"] for record in records(path)]
    assert len(written) == PROCESSES * LINES
    for writer in range(PROCESSES):
        own = [name for name in written if str(name).startswith(f"{writer}-")]
        assert own == [f"{writer}-{number}" for number in range(LINES)]


def test_no_more_files_are_kept_than_asked_for(tmp_path: Path) -> None:
    file = RotatedFile(tmp_path / "audit.jsonl", max_bytes=100, files=3)
    for number in range(50):
        file.append(b"%d%s\n" % (number, b"x" * 60))
    file.close()
    assert sorted(f.name for f in tmp_path.iterdir()) == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    assert (tmp_path / "audit.jsonl").read_bytes().startswith(b"49")


def test_files_beyond_a_lowered_number_are_removed_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    others = {"audit.jsonl.old", "audit.jsonl.20260101", "audit.jsonl.07", "notaudit.jsonl.7", "7"}
    for name in others:
        (tmp_path / name).touch()
    before = RotatedFile(path, max_bytes=100, files=8)
    for _ in range(20):
        before.append(b"x" * 60)
    (tmp_path / "audit.jsonl.4").unlink()  # a gap
    lowered = [RotatedFile(path, max_bytes=100, files=3) for _ in range(PROCESSES)]
    kept = {"audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"} | others

    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(lambda file: file.append(b""), lowered))
    assert {file.name for file in tmp_path.iterdir()} == kept

    before.append(b"x" * 60)  # a process that still has the larger number
    assert (tmp_path / "audit.jsonl.3").exists()
    lowered[0].append(b"x" * 60)
    assert {file.name for file in tmp_path.iterdir()} == kept


OVERTAKEN = """
import resource, sys
from pathlib import Path
from frontend.audit.file import RotatedFile

path, other_bytes, disk_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
other = RotatedFile(path, max_bytes=100, files=9)
other_lines = [b"o" * other_bytes]

class Overtaken(RotatedFile):
    def close(self):
        super().close()
        if other_lines:
            other.append(other_lines.pop())

resource.setrlimit(resource.RLIMIT_FSIZE, (disk_bytes, disk_bytes))
file = Overtaken(path, max_bytes=100, files=9)
file.append(b"a" * 70)
try:
    file.append(b"b" * 50)
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("other_bytes", "disk_bytes", "kept", "said"),
    [(30, 70, [b"o" * 30, b"a" * 70], "40 of 50 bytes"), (60, 1000, [b"b" * 50, b"o" * 60, b"a" * 70], "")],
    ids=["a full disk", "no room"],
)
def test_what_another_writes_right_after_a_rotation_counts(
    tmp_path: Path, other_bytes: int, disk_bytes: int, kept: list[bytes], said: str
) -> None:
    command = [sys.executable, "-c", OVERTAKEN, tmp_path / "audit.jsonl", str(other_bytes), str(disk_bytes)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert [file.read_bytes() for file in sorted(tmp_path.iterdir())] == kept
    assert said in run.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said_and_made_up_for_by_a_number(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "RETRY_S", 0.0)
    disk = {"full": True}
    good, full = RotatedFile(tmp_path / "audit.jsonl", max_bytes=10**6, files=2), Path("/dev/full")
    tried = threading.Semaphore(0)

    def write(lines: bytes) -> None:
        try:
            if disk["full"]:
                full.write_bytes(lines)
            good.append(lines)
        finally:
            tried.release()

    audit = AuditLog(write)
    for number in range(3):
        audit(observation(f"lost-{number}"))
        assert tried.acquire(timeout=10)
    disk["full"] = False
    audit(observation("kept"))
    asyncio.run(audit.close())
    assert audit.lost == 3
    loss, kept = records(tmp_path / "audit.jsonl")
    assert (loss["outcome"], loss["lost"]) == ("lost", 3)
    assert kept["request_id"] == "kept"
    assert [r.levelname for r in caplog.records] == ["ERROR", "WARNING"]
    assert "No space left on device" in caplog.text


def test_a_disk_that_hangs_delays_nobody_and_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_WAITING", 100)
    hanging, written = threading.Event(), []

    def write(lines: bytes) -> None:
        hanging.wait(30)
        written.append(lines)

    audit = AuditLog(write)
    for number in range(500):
        audit(observation(str(number)))  # would block here for good
    hanging.set()
    asyncio.run(audit.close())
    lines = [json.loads(line) for line in b"".join(written).splitlines()]
    kept = [line for line in lines if line["outcome"] == "invalid_image"]
    assert 100 <= len(kept) <= 101 + log_module.MAX_BATCH
    assert len(kept) + sum(line.get("lost", 0) for line in lines) + audit.lost >= 500


@pytest.mark.parametrize("max_waiting", [3, 100], ids=["full queue", "room"])
def test_what_a_disk_that_hangs_at_the_stop_costs_is_counted_and_said(
    max_waiting: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "MAX_WAITING", max_waiting)
    monkeypatch.setattr(log_module, "CLOSE_WAIT_S", 0.1)
    hangs, released = threading.Event(), threading.Event()

    def write(lines: bytes) -> None:
        hangs.set()
        released.wait(30)

    audit = AuditLog(write)
    audit(observation())
    assert hangs.wait(10)
    for _ in range(5):
        audit(observation())
    asyncio.run(audit.close())
    released.set()
    assert audit.lost == 6
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("ERROR", "the audit log hangs; it lacks 6 records")
    ]


def test_a_record_alone_is_written_at_once_and_many_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "GATHER_S", 60)  # so that only the end comes before
    writes, written = [], threading.Event()

    def write(lines: bytes) -> None:
        writes.append(lines.count(b"\n"))
        written.set()

    audit = AuditLog(write)
    audit(observation("alone"))
    assert written.wait(10)
    for number in range(50):
        audit(observation(str(number)))
    asyncio.run(audit.close())
    assert writes == [1, 50]


def test_half_a_line_is_taken_back(tmp_path: Path) -> None:
    """A disk that fills up in the midst of a line: here, a limit on the size of files."""
    script = (
        "import resource, signal, sys; from pathlib import Path; from frontend.audit.file import RotatedFile\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "file = RotatedFile(Path(sys.argv[1]), max_bytes=10**6, files=2)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "file.append(b'a' * 79 + b'\\n')\n"
        "try: file.append(b'b' * 79 + b'\\n')\n"
        "except OSError as error: print(error)\n"
        "file.append(b'c' * 9 + b'\\n')\n"
    )
    path = tmp_path / "audit.jsonl"
    run = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert "20 of 80 bytes" in run.stdout
    assert path.read_bytes() == b"a" * 79 + b"\n" + b"c" * 9 + b"\n"


def test_it_can_be_switched_off_and_a_bad_place_is_named(tmp_path: Path) -> None:
    assert audit_log(Settings(audit_log="off")) is None
    (tmp_path / "file").touch()
    with pytest.raises(StartRefused, match="LIVENESS_AUDIT_LOG"):
        audit_log(Settings(audit_log=str(tmp_path / "file" / "audit.jsonl")))


def test_it_goes_to_stdout_if_asked(capfd: pytest.CaptureFixture[str]) -> None:
    audit = audit_log(Settings(audit_log="stdout"))
    assert audit is not None
    audit(observation("to stdout"))
    asyncio.run(audit.close())
    assert json.loads(capfd.readouterr().out)["request_id"] == "to stdout"
