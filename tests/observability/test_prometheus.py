"""What Prometheus and Grafana are given in compose/observability, tried with a real Prometheus on the real service."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml

from frontend.embedded.ports import PortReservation
from tests.conftest import data_uri
from tests.observability.conftest import Workers

FOLDER = Path(__file__).parents[2] / "compose/observability"
RULES = FOLDER / "prometheus/rules.yml"
DASHBOARD = json.loads((FOLDER / "grafana/dashboards/liveness.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="needs prometheus and promtool: apt-get install prometheus"
)


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_configuration_and_rules_are_valid() -> None:
    assert "rules found" in promtool("check", "config", str(FOLDER / "prometheus/prometheus.yml"))


def test_alerts_fire_when_they_should() -> None:
    assert "SUCCESS" in promtool("test", "rules", str(Path(__file__).with_name("rules_test.yml")))


@pytest.fixture(scope="module")
def prometheus(workers: Workers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prometheus with our configuration, but for its intervals and where the service and Triton are."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = yaml.safe_load((FOLDER / "prometheus/prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "200ms", "scrape_timeout": "200ms", "evaluation_interval": "200ms"}
    config["rule_files"] = [str(RULES)]
    targets = {"liveness": workers.url.removeprefix("http://"), "triton": f"127.0.0.1:{triton_metrics_port(workers)}"}
    config["scrape_configs"] = [
        {"job_name": job["job_name"], "static_configs": [{"targets": [targets[job["job_name"]]]}]}
        for job in config["scrape_configs"]
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = PortReservation()
    port.close()
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={port.address}",
    ]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"http://{port.address}"
    finally:
        process.terminate()
        process.wait(20)


def triton_metrics_port(workers: Workers) -> int:
    for process in psutil.Process(workers.process.pid).children(recursive=True):
        if process.name() == "tritonserver":
            (option,) = [word for word in process.cmdline() if word.startswith("--metrics-port=")]
            return int(option.partition("=")[2])
    pytest.fail("no tritonserver under the service")


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": expression}, trust_env=False)
    assert answer.status_code == 200, (expression, answer.text)
    result: list[dict[str, Any]] = answer.json()["data"]["result"]
    return result


def test_every_panel_of_the_dashboard_shows_what_the_service_does(
    workers: Workers, workers_key: Any, prometheus: str, portrait_jpeg: bytes
) -> None:
    hash_id = workers_key("on the dashboard", limit=1000)
    body = {"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}
    missing = set(QUERIES)
    deadline_s = time.monotonic() + 30
    while missing:
        assert time.monotonic() < deadline_s, missing
        assert httpx.post(f"{workers.url}/liveness", json=body, trust_env=False, timeout=30).status_code == 201
        time.sleep(0.2)
        try:
            missing = {expression for expression in missing if not query(prometheus, expression)}
        except httpx.ConnectError:
            continue
    assert {result["metric"]["job"]: result["value"][1] for result in query(prometheus, "up")} == {
        "liveness": "1",
        "triton": "1",
    }
    (errors,) = query(prometheus, "liveness:error_ratio:rate5m")
    assert float(errors["value"][1]) == 0
    (mean,) = query(prometheus, "liveness:score:mean1h")
    assert 0.5 < float(mean["value"][1]) <= 1
    assert query(prometheus, 'ALERTS{alertstate="firing", severity="critical"}') == []


def test_every_rule_and_panel_names_metrics_that_there_are(workers: Workers) -> None:
    text = httpx.get(f"{workers.url}/metrics", trust_env=False).text
    rules = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    named = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bliveness_\w+", f"{QUERIES} {rules}")}
    assert named
    assert named <= set(re.findall(r"^# TYPE (\w+) ", text, re.MULTILINE))
