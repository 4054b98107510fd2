"""What the server shows to others, and what it is told."""

import http.client
import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from frontend.embedded.process import GUARD
from tests.core_limits import forbid_core_dumps_for_good
from tests.embedded.children import named

LIMIT = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"


def ask(url, method, path, body=None):
    connection = http.client.HTTPConnection(url, timeout=10)
    connection.request(method, path, body)
    response = connection.getresponse()
    content = response.read().decode()
    connection.close()
    return response.status, content


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/repository/index"),
        ("POST", "/v2/repository/models/anti_spoof/load"),
        ("POST", "/v2/repository/models/anti_spoof/unload"),
        ("GET", "/v2/systemsharedmemory/status"),
        ("POST", "/v2/systemsharedmemory/region/x/register"),
        ("POST", "/v2/cudasharedmemory/region/x/register"),
        ("GET", "/v2/trace/setting"),
        ("POST", "/v2/logging"),
        ("GET", "/v2/logging"),
    ],
)
def test_admin_endpoints_are_refused(triton, method, path):
    status, content = ask(triton.url, method, path, "{}" if method == "POST" else None)
    assert status == 403, content
    triton.infer()


def test_admin_endpoints_are_refused_whoever_reads_the_command_line(triton):
    (server,) = named(triton.log_path.parent, "tritonserver")
    (option,) = (word for word in server.cmdline() if word.startswith("--http-restricted-api="))
    name, value = option.rpartition(":")[2].split("=")
    host, port = triton.url.split(":")
    for folded in (value, value.replace("\n", "\r\n "), value.replace("\n", "\n "), value.replace("\n", " ")):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            head = f"GET /v2/logging HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{name}: {folded}\r\n\r\n"
            connection.sendall(head.encode())
            answer = b"".join(iter(lambda connection=connection: connection.recv(4096), b""))
        assert answer.split()[1:2] in ([b"403"], [b"400"], []), answer


@pytest.mark.parametrize("path", ["/v2", "/v2/health/ready", "/v2/models/anti_spoof", "/v2/models/anti_spoof/stats"])
def test_endpoints_that_clients_and_benchmarks_need_are_open(triton, path):
    assert ask(triton.url, "GET", path)[0] == 200


def test_metrics_count_the_inferences(triton):
    def count():
        lines = ask(triton.metrics_url, "GET", "/metrics")[1].splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith("nv_inference_request_success{"))

    before = count()
    triton.infer()
    assert count() >= before + 1


def test_it_listens_on_the_loopback_address_alone(triton):
    (server,) = named(triton.log_path.parent, "tritonserver")
    listening = {c.laddr for c in server.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert {f"{address.ip}:{address.port}" for address in listening} == {triton.url, triton.metrics_url}


def test_it_knows_none_of_the_service_variables(triton):
    (server,) = named(triton.log_path.parent, "tritonserver")
    assert set(server.environ()) - {"TZ", "LC_CTYPE"} == {"ORT_DISABLE_TELEMETRY"}


def test_onnx_runtime_is_told_to_report_to_nobody(triton):
    (server,) = named(triton.log_path.parent, "tritonserver")
    assert server.environ()["ORT_DISABLE_TELEMETRY"] == "1"


def test_its_name_is_not_that_of_another_server(triton):
    assert len(json.loads(ask(triton.url, "GET", "/v2")[1])["name"]) == 16


def test_it_keeps_no_faces_in_shared_memory(triton):
    (server,) = named(triton.log_path.parent, "tritonserver")
    triton.infer()
    assert not [mapped.path for mapped in server.memory_maps() if mapped.path.startswith("/dev/shm")]


def test_it_writes_no_core_dump_that_would_hold_faces(triton):
    (server,) = named(triton.log_path.parent, "tritonserver")
    assert server.rlimit(psutil.RLIMIT_CORE) == (1, 1)


def test_it_is_guarded_where_nobody_may_raise_the_limit_on_core_dumps(tmp_path):
    guard = [sys.executable, "-I", "-S", GUARD, str(os.getpid()), "1", tmp_path, "--"]
    command = [*guard, sys.executable, "-S", "-c", LIMIT]
    guarded = subprocess.run(
        command, preexec_fn=forbid_core_dumps_for_good, capture_output=True, text=True, check=False
    )
    assert guarded.stdout == "(0, 0)\n", guarded.stderr
