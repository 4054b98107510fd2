"""The observability profile: Prometheus comes up beside the service, sees every part of it, and has our rules."""

import json
import os
import subprocess
from typing import Any
from urllib.parse import quote

import pytest

from tests.compose.conftest import Note
from tests.compose.deployment import Deployment, ask, body, live, seconds_until

IMAGE = "prom/prometheus:v3.5.0"
NOBODY = 65534
ASK = """
import sys, urllib.request
print(urllib.request.urlopen("http://prometheus:9090/api/v1/" + sys.argv[1], timeout=5).read().decode())
"""


@pytest.fixture(scope="module")
def observed(deployment: Deployment) -> Deployment:
    """The service with Prometheus beside it. Grafana has to be asked by a browser, and is left out."""
    if subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, check=False).returncode:
        pytest.skip(f"the image {IMAGE} is not here: docker pull {IMAGE}")
    deployment.compose("up", "--no-start", "prometheus")
    # Prometheus' image owns its folder as nobody; whatever stands for it here may not.
    volume = f"{deployment.name}_metrics"
    path = deployment.run("docker", "volume", "inspect", "-f", "{{.Mountpoint}}", volume).stdout.strip()
    os.chown(path, NOBODY, NOBODY)
    deployment.compose("up", "-d", "--no-deps", "prometheus")
    return deployment


def told(observed: Deployment, path: str) -> Any:
    """What Prometheus' interface says, asked from the inner network; nothing while it starts."""
    done = observed.compose("exec", "-T", "frontend", "python", "-c", ASK, path, check=False)
    return json.loads(done.stdout)["data"] if done.returncode == 0 else {}


def values(observed: Deployment, expression: str) -> dict[str, float]:
    """Job → value."""
    found = told(observed, f"query?query={quote(expression)}").get("result", [])
    return {one["metric"].get("job", ""): float(one["value"][1]) for one in found}


def test_frontend_and_triton_are_scraped(observed: Deployment, portrait_jpeg: bytes, note: Note) -> None:
    seconds_until(lambda: live(observed.url), 60)
    assert ask(f"{observed.url}/liveness", body(observed.new_key("observed"), portrait_jpeg))[0] == 201
    taken_s = seconds_until(lambda: values(observed, "up") == {"liveness": 1, "triton": 1}, 90)
    note("Prometheus sees the frontend and Triton after, s", round(taken_s, 1))
    verdicts = 'sum(liveness_judgements_total{outcome="verdict"})'
    seconds_until(lambda: values(observed, verdicts) == {"": 1}, 40)
    assert values(observed, "sum(nv_inference_request_success)")[""] >= 1


def test_rules_are_loaded_and_none_is_broken(observed: Deployment) -> None:
    def evaluated() -> bool:
        groups = told(observed, "rules").get("groups", [])
        return bool(groups) and all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    seconds_until(evaluated, 60)
    firing = [alert for alert in told(observed, "alerts")["alerts"] if alert["state"] == "firing"]
    assert firing == []


def test_prometheus_is_not_published_and_may_do_little(observed: Deployment) -> None:
    held = json.loads(observed.inspect("prometheus", "{{json .HostConfig}}"))
    assert held["PortBindings"] in ({}, None)
    assert held["ReadonlyRootfs"]
    assert held["CapDrop"] == ["ALL"]
    assert held["SecurityOpt"] == ["no-new-privileges:true"]
    assert observed.inspect("prometheus", "{{.Config.User}}") == f"{NOBODY}:{NOBODY}"
