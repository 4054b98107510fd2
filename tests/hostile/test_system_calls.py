"""What the kernel is asked for while pictures are judged: no file is written to but logs and keys, nobody is called."""

import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from frontend.images import RgbImage
from frontend.settings import PROJECT_ROOT
from tests.conftest import Stack, data_uri, environment, jpeg_of, png_of

CALLS = "open,openat,openat2,creat,memfd_create,write,writev,pwrite64,pwritev,connect,sendto,sendmsg"
WRITTEN = re.compile(r"\b(?:write|writev|pwrite64|pwritev)\(\d+<(/[^>]*)>")
OPENED = re.compile(r'\b(?:open|openat|openat2|creat)\((?:[^,"]*, )?"([^"]*)", ([A-Z_|]*)')
CONNECTED = re.compile(r"\bconnect\(\d+<[^>]*>, \{(.*?)\}")
OURS = ("keys.sqlite3", "keys.sqlite3-wal", "keys.sqlite3-shm", "audit.jsonl", "stderr.log", "triton.log")


@pytest.fixture(scope="module")
def calls(target: Stack, hash_id: str, portrait: RgbImage, tmp_path_factory: pytest.TempPathFactory) -> str:
    """strace's report on the service and its Triton while they judge."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    report = tmp_path_factory.mktemp("strace") / "calls"
    service = psutil.Process(target.process.pid)
    watched = [service.pid, *(child.pid for child in service.children(recursive=True))]
    command = ["strace", "-f", "-y", "-s", "32", "-o", str(report), "-e", f"trace={CALLS}"]
    command += [part for pid in watched for part in ("-p", str(pid))]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr
    attached = 0
    for line in tracer.stderr:
        if "attach" in line and "attached" not in line:
            tracer.kill()
            tracer.communicate()
            pytest.skip(f"strace may not attach here: {line}")
        attached += "attached" in line
        if attached == len(watched):
            break
    try:
        bodies = [data_uri(jpeg_of(portrait)), data_uri(png_of(portrait[::4, ::4])), "/9j/"]
        with httpx.Client(base_url=target.url, timeout=60) as client:
            seen = [
                client.post("/liveness", json={"hash_id": hash_id, "selfie_image": image}).status_code
                for image in bodies * 2
            ]
            form = {
                "hash_id": (None, hash_id),
                "selfie_image": ("face.jpg", jpeg_of(portrait, quality=99), "image/jpeg"),
            }
            seen.append(client.post("/liveness", files=form).status_code)
        time.sleep(0.5)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=30)
    assert seen == [201, 201, 400] * 2 + [201]
    text = report.read_text(errors="replace")
    assert text.count("\n") > 50
    return text


def test_no_file_is_written_but_logs_and_keys(calls: str) -> None:
    written = set(WRITTEN.findall(calls)) - {"/dev/null"}
    strangers = [path for path in written if Path(path).name not in OURS]
    assert not strangers
    assert any(path.endswith("audit.jsonl") for path in written), "the trace shows nothing"


def test_no_file_is_opened_for_writing_but_those(calls: str) -> None:
    writing = [path for path, flags in OPENED.findall(calls) if "O_WRONLY" in flags or "O_RDWR" in flags]
    strangers = [path for path in writing if Path(path).name not in OURS and path != "/dev/null"]
    assert not strangers
    assert "memfd_create(" not in calls


def test_nobody_is_called_but_triton(target: Stack, calls: str) -> None:
    triton = (target.data_dir / "stderr.log").read_text().split("Triton answers at ")[1].split(",")[0].split()[0]
    port = triton.rpartition(":")[2]
    for address in CONNECTED.findall(calls):
        assert f"sin_port=htons({port})" in address, address
        assert 'inet_addr("127.0.0.1")' in address, address
    assert not re.search(r"\b(?:sendto|sendmsg)\(.*sin6?_port", calls)


LOADS_A_MODEL = """
import time
import frontend
import onnxruntime
session = onnxruntime.InferenceSession("model_repository/anti_spoof/1/model.onnx", providers=["CPUExecutionProvider"])
time.sleep(15)
"""


def test_onnx_runtime_calls_nobody(tmp_path: Path) -> None:
    """Its official builds look their makers up seven seconds after a model is loaded, unless they are told not to."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    report = tmp_path / "calls"
    command = ["strace", "-f", "-o", str(report), "-e", "trace=connect,sendto", sys.executable, "-c", LOADS_A_MODEL]
    there = {name: value for name, value in environment().items() if name not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    subprocess.run(command, cwd=PROJECT_ROOT, env=there, check=True, timeout=100)
    assert "exited with 0" in report.read_text()
    assert "sa_family=AF_INET" not in report.read_text()
