"""The day of an operator: start, first key, stop and start, and every container killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.compose.conftest import Note
from tests.compose.deployment import Deployment, ask, body, live, seconds_until

SERVICES = ("mongo", "triton", "frontend")


def test_first_start_is_live_in_seconds(project: Path, note: Note) -> None:
    fresh = Deployment(project, "liveness-first", LIVENESS_PORT="")
    started_s = time.monotonic()
    fresh.compose("up", "-d")
    try:
        url = fresh.url
        seconds_until(lambda: live(url), 60)
        note("first `up -d` to `Services is live`, s", round(time.monotonic() - started_s, 1))
    finally:
        fresh.remove()


def test_customers_script_gets_a_verdict(deployment: Deployment, portrait_jpeg: bytes, tmp_path: Path) -> None:
    url = deployment.url
    seconds_until(lambda: live(url), 60)
    created = deployment.compose(
        "exec", "-T", "frontend", "liveness", "keys", "create", "--name", "customer", "--limit", "2", "--json"
    )
    hash_id = json.loads(created.stdout)["hash_id"]
    script = tmp_path / "client.py"
    script.write_text((deployment.folder / "examples/client.py").read_text().replace("http://127.0.0.1:5001", url))
    (tmp_path / "selfie.jpg").write_bytes(portrait_jpeg)
    command = [sys.executable, str(script), str(tmp_path / "selfie.jpg"), hash_id]
    answers = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for _ in range(3)]
    assert [answer.splitlines()[0] for answer in answers] == [f"Response Code: {code}" for code in (201, 201, 429)]
    assert "'message': 'Success'" in answers[0]


@pytest.mark.parametrize("service", SERVICES)
def test_container_may_do_little(deployment: Deployment, service: str) -> None:
    held = json.loads(deployment.inspect(service, "{{json .HostConfig}}"))
    assert held["ReadonlyRootfs"]
    assert held["CapDrop"] == ["ALL"]
    assert not held["CapAdd"]
    assert held["SecurityOpt"] == ["no-new-privileges:true"]
    assert held["Memory"] > 0
    assert held["NanoCpus"] > 0
    assert held["PidsLimit"] > 0
    assert held["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "5"}
    status = Path(f"/proc/{deployment.main_process(service)}/status").read_text()
    uids = next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1:]
    assert "0" not in uids


def test_only_the_frontend_is_published_and_only_here(deployment: Deployment) -> None:
    bindings = {s: json.loads(deployment.inspect(s, "{{json .HostConfig.PortBindings}}")) or {} for s in SERVICES}
    assert bindings["mongo"] == bindings["triton"] == {}
    assert [binding["HostIp"] for binding in bindings["frontend"]["5001/tcp"]] == ["127.0.0.1"]


def test_default_address_is_the_documented_one(project: Path) -> None:
    configured = Deployment(project, "liveness-test").compose("config").stdout
    assert "127.0.0.1:5001:5001" in configured or ("host_ip: 127.0.0.1" in configured and "5001" in configured)


def test_frontend_processes_follow_the_cores(deployment: Deployment) -> None:
    workers = deployment.processes("frontend", "spawn_main")
    assert len(workers) == len(os.sched_getaffinity(0))


def test_admin_endpoints_of_triton_are_shut(deployment: Deployment) -> None:
    code = """
import http.client
for method, path in ("POST", "repository/index"), ("GET", "logging"), ("GET", "trace/setting"):
    connection = http.client.HTTPConnection("triton", 8000)
    connection.request(method, f"/v2/{path}")
    print(connection.getresponse().status)
"""
    answers = deployment.compose("exec", "-T", "frontend", "python", "-c", code).stdout.split()
    assert answers == ["403", "403", "403"]


def test_no_secret_is_in_a_log(deployment: Deployment) -> None:
    secrets = [line for line in (deployment.folder / "compose/.env").read_text().splitlines() if "PASSWORD" in line]
    password = secrets[0].partition("=")[2]
    assert len(password) == 64
    assert not any(password in deployment.logs(service) for service in SERVICES)


def test_secrets_are_their_owners_alone(deployment: Deployment) -> None:
    folder = deployment.folder / "compose"
    assert (folder / ".env").stat().st_mode & 0o777 == 0o600
    assert (folder / "secrets").stat().st_mode & 0o777 == 0o700
    assert (folder / "secrets/tls.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("service", SERVICES)
def test_killed_container_recovers_by_itself(
    deployment: Deployment, service: str, portrait_jpeg: bytes, note: Note
) -> None:
    request = body(deployment.new_key(f"killed-{service}"), portrait_jpeg)
    url = deployment.url

    def judged() -> bool:
        return ask(f"{url}/liveness", request)[0] == 201

    seconds_until(judged, 30)
    pid = deployment.main_process(service)
    os.kill(pid, signal.SIGKILL)
    seconds_until(lambda: not Path(f"/proc/{pid}").exists(), 10)
    first = ask(f"{url}/liveness", request)[0]
    assert first in {0, 503, 201}
    url = deployment.url if service == "frontend" and deployment.containers(service) else url
    note(f"recovery after kill -9 of {service}, s", round(seconds_until(judged, 60), 1))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_triton_that_ceases_to_judge_is_started_anew(
    deployment: Deployment, portrait_jpeg: bytes, how: signal.Signals, note: Note
) -> None:
    request = body(deployment.new_key(f"ceased-{how.name}"), portrait_jpeg)
    url = deployment.url
    seconds_until(lambda: ask(f"{url}/liveness", request)[0] == 201, 30)
    for server in deployment.processes("triton", "tritonserver"):
        os.kill(server, how)
    seconds_until(lambda: ask(f"{url}/status_check")[0] == 503, 20)
    assert ask(f"{url}/liveness", request)[0] == 503
    taken_s = seconds_until(lambda: ask(f"{url}/liveness", request)[0] == 201, 120)
    note(f"recovery after {how.name} of tritonserver, s", round(taken_s, 1))


def test_down_and_up_keeps_keys_and_counts(deployment: Deployment, portrait_jpeg: bytes, note: Note) -> None:
    hash_id = deployment.new_key("kept", limit=3)
    request = body(hash_id, portrait_jpeg)
    assert ask(f"{deployment.url}/liveness", request)[0] == 201
    deployment.compose("down")
    started_s = time.monotonic()
    deployment.compose("up", "-d")
    url = deployment.url
    seconds_until(lambda: live(url), 60)
    note("later `up -d` to `Services is live`, s", round(time.monotonic() - started_s, 1))
    assert deployment.used("kept") == 1
    assert [ask(f"{url}/liveness", request)[0] for _ in range(3)] == [201, 201, 429]


def test_keys_go_into_a_backup_and_back(deployment: Deployment, portrait_jpeg: bytes) -> None:
    seconds_until(lambda: live(deployment.url), 60)
    hash_id = deployment.new_key("saved", limit=2)
    assert ask(f"{deployment.url}/liveness", body(hash_id, portrait_jpeg))[0] == 201
    backup = deployment.liveness("keys", "export")
    assert hash_id not in backup
    deployment.remove()
    deployment.compose("up", "-d")
    seconds_until(lambda: live(deployment.url), 60)
    assert ask(f"{deployment.url}/liveness", body(hash_id, portrait_jpeg))[0] == 401
    deployment.liveness("keys", "import", "-", text_in=backup)
    assert deployment.used("saved") == 1
    codes = [ask(f"{deployment.url}/liveness", body(hash_id, portrait_jpeg))[0] for _ in range(2)]
    assert codes == [201, 429]
