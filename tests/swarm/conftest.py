"""A swarm of three nodes with the service on it, and the table of what was measured."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from tests.compose.deployment import body, copy_project
from tests.swarm.nodes import Node, Switch, addresses, eventually, sh, swarm_of

IMAGES = ("liveness-frontend:0.1.0", "liveness-triton-model:0.1.0", "mongo:8.0", "nginx:1")
NEXT_VERSION = "0.1.1-test"
SMALL = {
    "LIVENESS_WORKERS": "1",
    "LIVENESS_TRITONS": "3",
    "LIVENESS_FRONTENDS": "3",
    "LIVENESS_FRONTEND_MEMORY": "1g",
    "LIVENESS_TRITON_MEMORY": "1g",
}
TABLE: pytest.StashKey[list[tuple[str, ...]]] = pytest.StashKey()
HEADINGS = ("event", "requests", "lost", "recovery, s", "slowest, s", "delivered", "counted", "answers by status")


def missing() -> str:
    """Why no swarm can be built here; empty if one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for program in ("docker", "dockerd", "ip", "nsenter"):
        if shutil.which(program) is None:
            return f"there is no {program} on this machine"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "the Docker engine does not answer"
    for image in ("python:3.11-slim-bookworm", "nvcr.io/nvidia/tritonserver:24.10-py3", "mongo:8.0", "nginx:1"):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode:
            return f"the image {image} is not here: docker pull {image}"
    return ""


class Swarm:
    """Three nodes and the stack on them; orders go to the first node, which keeps the database."""

    def __init__(self, nodes: list[Node], switch: Switch, project: Path) -> None:
        self.nodes = nodes
        self.switch = switch
        self.project = project
        self.numbers = {address: number for number, address in addresses(nodes[0]).items()}

    @property
    def first(self) -> Node:
        return self.nodes[0]

    @property
    def certificate(self) -> str:
        return str(self.project / "compose/secrets/tls.crt")

    def deploy(self, version: str = "0.1.0", **settings: str) -> None:
        environment = SMALL | settings | {"LIVENESS_VERSION": version}
        command = ("docker", "stack", "deploy", "--resolve-image", "never", "-c", "compose/stack.yaml", "liveness")
        self.first.run(*command, cwd=self.project, **environment)

    def running(self, service: str) -> int:
        """Tasks of the service that run and are healthy."""
        line = self.first.docker("service", "ls", "--filter", f"name=liveness_{service}", "--format", "{{.Replicas}}")
        return int(line.partition("/")[0] or 0)

    def service(self, name: str) -> dict[str, object]:
        described: list[dict[str, object]] = json.loads(self.first.docker("service", "inspect", f"liveness_{name}"))
        return described[0]

    def update_state(self, service: str) -> str:
        status = self.service(service).get("UpdateStatus")
        return str(status["State"]) if isinstance(status, dict) else ""

    def converge(self, timeout_s: float = 180, **wanted: int) -> float:
        """Seconds until so many tasks of each of these services run."""
        return eventually(lambda: all(self.running(s) == n for s, n in wanted.items()), timeout_s, str(wanted))

    def liveness(self, *arguments: str) -> str:
        """`liveness …` in a frontend that runs."""
        for node in self.nodes:
            if containers := node.docker(
                "ps", "-q", "--filter", "health=healthy", "--filter", "name=liveness_frontend", check=False
            ).split():
                return node.docker("exec", containers[0], "liveness", *arguments)
        raise AssertionError("no frontend runs")

    def new_key(self, name: str, limit: int | None = None) -> str:
        limited = [] if limit is None else ["--limit", str(limit)]
        hash_id: str = json.loads(self.liveness("keys", "create", "--name", name, *limited, "--json"))["hash_id"]
        return hash_id

    def used(self, name: str) -> int:
        count: int = json.loads(self.liveness("keys", "show", name, "--json"))["used"]
        return count


@pytest.fixture(scope="session")
def portrait_jpeg() -> bytes:
    """A public-domain portrait, 640×480: small, for what is looked at is who answers, not how fast."""
    enlarged = cv2.resize(data.astronaut(), (640, 640), interpolation=cv2.INTER_CUBIC)[:480, :, ::-1]
    return cv2.imencode(".jpg", np.ascontiguousarray(enlarged), [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


@pytest.fixture(scope="session")
def swarm() -> Iterator[Swarm]:
    if reason := missing():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="liveness-swarm-"))
    project = folder / "project"
    project.mkdir()
    copy_project(project)
    build(project)
    switch: Switch | None = None
    nodes: list[Node] = []
    try:
        switch = Switch()
        for number in (1, 2, 3):
            nodes.append(Node(number, folder, switch))
            nodes[-1].start()
            nodes[-1].load([*IMAGES, f"liveness-frontend:{NEXT_VERSION}", f"liveness-triton-model:{NEXT_VERSION}"])
        swarm_of(nodes)
        made = Swarm(nodes, switch, project)
        prepare(made)
        made.deploy()
        made.converge(frontend=3, triton=3, proxy=3, mongo=1)
        yield made
    finally:
        for node in nodes:
            node.remove()
        if switch is not None:
            switch.remove()
        shutil.rmtree(folder, ignore_errors=True)


def build(project: Path) -> None:
    """Both images, and the same again as the next version."""
    for name in ("frontend", "triton-model"):
        image = f"liveness-{name}"
        options = [f"--build-arg={n}" for n in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL") if n in os.environ]
        file = f"{project}/compose/{name}.Dockerfile"
        sh("docker", "build", "-q", "-t", f"{image}:0.1.0", "-f", file, *options, str(project), timeout_s=900)
        sh("docker", "tag", f"{image}:0.1.0", f"{image}:{NEXT_VERSION}")


def prepare(swarm: Swarm) -> None:
    """What the guide has an operator do once: secrets, and the node of the database."""
    swarm.first.run("scripts/swarm-init", cwd=swarm.project)
    swarm.first.docker("node", "update", "--label-add", "liveness.keys=true", swarm.numbers[swarm.first.address])
    # MongoDB's image owns its folders as user 999; whatever stands for it here may not.
    for volume in ("keys", "configdb"):
        swarm.first.docker("volume", "create", f"liveness_{volume}")
        path = swarm.first.docker("volume", "inspect", "-f", "{{.Mountpoint}}", f"liveness_{volume}")
        os.chown(path, 999, 999)


@pytest.fixture(scope="session")
def request_body(portrait_jpeg: bytes):
    return lambda hash_id: body(hash_id, portrait_jpeg)


@pytest.fixture(scope="session")
def row(pytestconfig: pytest.Config):
    """Keep a line of the table at the end of the report."""
    return lambda *cells: pytestconfig.stash.setdefault(TABLE, []).append(tuple(map(str, cells)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if TABLE in config.stash:
        terminalreporter.section("measured")
        for cells in (HEADINGS, ("---",) * len(HEADINGS), *config.stash[TABLE]):
            terminalreporter.write_line(f"| {' | '.join(cells)} |")
