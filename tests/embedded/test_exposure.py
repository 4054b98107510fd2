"""What the server shows to others, and what it is told."""

import http.client
import json
import stat

import psutil
import pytest

from frontend.embedded.runs import SHARED_MEMORY
from tests.embedded.children import named


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
    folder = triton.log_path.parent
    for process in named(folder, "tritonserver") + named(folder, "triton_python_backend_stub"):
        assert "OMP_NUM_THREADS" in process.environ()
        assert not [name for name in process.environ() if name.startswith("LIVENESS_")]


def test_onnx_runtime_is_told_to_report_to_nobody(triton):
    for stub in named(triton.log_path.parent, "triton_python_backend_stub"):
        assert stub.environ()["ORT_DISABLE_TELEMETRY"] == "1"


def test_its_name_is_not_that_of_another_server(triton):
    assert len(json.loads(ask(triton.url, "GET", "/v2")[1])["name"]) == 16


def test_nobody_else_may_read_the_faces_in_its_shared_memory(triton):
    (token,) = [f.name.removeprefix("triton-") for f in triton.log_path.parent.iterdir() if f.is_dir()]
    regions = list(SHARED_MEMORY.glob(f"*{token}*"))
    assert len(regions) == 3, "a lock and a region for each of two instances"
    assert {stat.S_IMODE(region.stat().st_mode) for region in regions} == {0o600}


def test_it_writes_no_core_dump_that_would_hold_faces(triton):
    for program in ("tritonserver", "triton_python_backend_stub"):
        for process in named(triton.log_path.parent, program):
            assert process.rlimit(psutil.RLIMIT_CORE) == (1, 1)
