"""Three frontends behind the proxy: limits stay exact, and no request is lost while they are replaced."""

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compose.conftest import Note
from tests.compose.deployment import Deployment, body, copy_project, seconds_until
from tests.compose.load import Load

CALLERS = 8


@pytest.fixture(scope="module")
def scaled(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """As `scripts/compose-init --frontends 3` and `up` leave it; the images are those of `project`."""
    folder = tmp_path_factory.mktemp("scaled")
    copy_project(folder)
    made = Deployment(folder, "liveness-scaled", LIVENESS_TLS_PORT="")
    made.script("compose-init", "--frontends", "3")
    made.compose("up", "-d")
    yield made
    made.remove()


@pytest.fixture
def load_on(scaled: Deployment, portrait_jpeg: bytes) -> Callable[[str], Load]:
    port = json.loads(scaled.inspect("proxy", "{{json .NetworkSettings.Ports}}"))["8443/tcp"][0]["HostPort"]
    certificate = scaled.folder / "compose/secrets/tls.crt"
    return lambda hash_id: Load(f"https://localhost:{port}", body(hash_id, portrait_jpeg), certificate)


async def under_load(load: Load, work: Callable[[], object]) -> None:
    """Do `work` while callers ask, and let them ask for a while before and after."""
    stop = asyncio.Event()
    stream = asyncio.create_task(load.stream(CALLERS, stop))
    await asyncio.sleep(3)
    await asyncio.to_thread(work)
    await asyncio.sleep(3)
    stop.set()
    await stream


def test_limit_of_500_is_exact_for_2000_callers_at_once(
    scaled: Deployment, load_on: Callable[[str], Load], note: Note
) -> None:
    load = load_on(scaled.new_key("exact", limit=500))
    asyncio.run(load.pile(2000))
    note("2,000 callers at once, limit 500, 3 frontends", dict(load.statuses))
    assert load.statuses == {201: 500, 429: 1500}
    assert scaled.used("exact") == 500


def test_metrics_are_not_for_the_world(scaled: Deployment) -> None:
    ask = ["exec", "-T", "proxy", "curl", "-sk", "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is"]
    for path in ("metrics", "metrics?a=b", "%6detrics", "/metrics"):
        assert scaled.compose(*ask, f"https://127.0.0.1:8443/{path}").stdout.strip() == "404"


def test_body_that_the_proxy_refuses_is_refused_as_documented(scaled: Deployment) -> None:
    ask = ["exec", "-T", "proxy", "curl", "-sk", "-X", "POST", "-H", "Content-Length: 70000000"]
    answer = scaled.compose(*ask, "https://127.0.0.1:8443/liveness").stdout
    assert json.loads(answer) == {"error": "The request body is too large."}


def test_rolling_upgrade_loses_no_request(scaled: Deployment, load_on: Callable[[str], Load], note: Note) -> None:
    subprocess.run(["docker", "tag", "liveness-frontend:0.1.0", "liveness-frontend:0.1.1-test"], check=True)
    with (scaled.folder / "compose/.env").open("a") as settings:
        settings.write("LIVENESS_VERSION=0.1.1-test\n")
    before = scaled.containers("frontend")
    load = load_on(scaled.new_key("rolled"))
    asyncio.run(under_load(load, lambda: scaled.script("compose-roll")))
    after = scaled.containers("frontend")
    note("rolling upgrade of 3 frontends under load", f"{dict(load.statuses)}, slowest {load.slowest_s:.1f} s")
    assert len(after) == len(before) == 3
    assert not set(after) & set(before)
    images = scaled.run("docker", "inspect", "-f", "{{.Config.Image}}", *after).stdout.split()
    assert set(images) == {"liveness-frontend:0.1.1-test"}
    assert set(load.statuses) == {201}
    assert load.statuses[201] > 100
    assert scaled.used("rolled") == load.statuses[201]
    subprocess.run(["docker", "rmi", "liveness-frontend:0.1.1-test"], check=False, capture_output=True)


def test_restart_of_each_frontend_in_turn_loses_no_request(
    scaled: Deployment, load_on: Callable[[str], Load], note: Note
) -> None:
    def restart_each() -> None:
        for container in scaled.containers("frontend"):
            scaled.run("docker", "restart", "--time", "25", container)
            seconds_until(lambda one=container: scaled.health(one) == "healthy", 60)

    load = load_on(scaled.new_key("restarted"))
    asyncio.run(under_load(load, restart_each))
    note("`docker restart` of each of 3 frontends under load", f"{dict(load.statuses)}, slowest {load.slowest_s:.1f} s")
    assert set(load.statuses) == {201}
    assert scaled.used("restarted") == load.statuses[201]


def test_killed_frontend_loses_no_request(scaled: Deployment, load_on: Callable[[str], Load], note: Note) -> None:
    load = load_on(scaled.new_key("killed"))
    asyncio.run(under_load(load, lambda: os.kill(scaled.main_process("frontend"), signal.SIGKILL)))
    note("kill -9 of one of 3 frontends under load", f"{dict(load.statuses)}, slowest {load.slowest_s:.1f} s")
    assert set(load.statuses) == {201}
    # What the killed one had counted but not delivered was judged again by another.
    assert load.statuses[201] <= scaled.used("killed") <= load.statuses[201] + CALLERS


def test_proxy_says_as_documented_that_no_frontend_is_there(scaled: Deployment, load_on: Callable[[str], Load]) -> None:
    hash_id = scaled.new_key("alone")
    load = load_on(hash_id)
    scaled.compose("stop", "frontend")
    asyncio.run(load.once())
    assert load.statuses == {503: 1}
    assert json.loads(load.last)["error"]
    scaled.compose("start", "frontend")


def test_rolling_is_refused_without_a_proxy(project: Path) -> None:
    refused = Deployment(project, "liveness-nothing").script("compose-roll", check=False)
    assert refused.returncode == 1
    assert "compose-init --frontends" in refused.stderr
