"""The wall clock is set back and forth while the service runs: every duration goes by the monotonic clock."""

import http.client
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import running
from tests.faults.fake_triton import FakeTriton, judge_late
from tests.faults.load import Key, try_fault

DAY_S = 86_400


def date_of(url: str) -> float:
    """The service's wall clock, from the Date header of an answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return parsedate_to_datetime(answer.headers["Date"]).timestamp()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler for the library that sets the clock")
def test_a_clock_set_back_and_forth_harms_nothing(
    tmp_path: Path, log: Path, live_triton: FakeTriton, small_jpeg: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, offset_file = tmp_path / "set_clock.so", tmp_path / "offset"
    source = Path(__file__).with_name("set_clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    offset_file.write_bytes(struct.pack("l", 0))
    monkeypatch.setenv("LD_PRELOAD", str(library))
    monkeypatch.setenv("CLOCK_OFFSET_FILE", str(offset_file))

    @contextmanager
    def shifted(by_s: int) -> Iterator[None]:
        with offset_file.open("r+b") as file:
            file.write(struct.pack("l", by_s))
        time.sleep(1.2)  # uvicorn makes a Date a second
        assert abs(date_of(url) - time.time() - by_s) < 10  # noqa: TID251  the wall clock is meant
        with live_triton.doing(partial(judge_late, after_s=1.5)):
            yield
        with offset_file.open("r+b") as file:
            file.write(struct.pack("l", 0))

    settings = {"port": 0, "data_dir": tmp_path, "triton_timeout_s": 0.5, "readiness_timeout_s": 1}
    triton_url = f"127.0.0.1:{live_triton.server_port}"
    with running("serve", "listening on", log=log, triton_url=triton_url, **settings) as (_, line):
        url = line.split()[-1]
        key = Key(f"sqlite:///{tmp_path / 'keys.sqlite3'}")
        for by_s in (-DAY_S, DAY_S):
            already = key.used()
            trial = try_fault(url, key, small_jpeg, shifted(by_s), lasts_s=2, deadline_s=5)
            print(trial)
            assert trial.statuses[503] > 0, "the time given to Triton was still measured"
            assert trial.used - already == trial.delivered
