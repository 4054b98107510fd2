"""Deployments for the tests, and what was measured with them."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from tests.compose.deployment import Deployment, compose_command, copy_project

Note = Callable[[str, object], None]
MEASURED: pytest.StashKey[list[str]] = pytest.StashKey()


def missing_engine() -> str:
    """Why no container can be started here; empty if one can."""
    if shutil.which("docker") is None:
        return "there is no docker on this machine"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "the Docker engine does not answer"
    if shutil.which(compose_command()[0]) is None:
        return "there is neither `docker compose` nor docker-compose"
    for image in ("python:3.11-slim-bookworm", "mongo:8.0", "nvcr.io/nvidia/tritonserver:24.10-py3", "nginx:1"):
        if subprocess.run(["docker", "image", "inspect", image], capture_output=True, check=False).returncode:
            return f"the image {image} is not here: docker pull {image}"
    return ""


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    if reason := missing_engine():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def note(pytestconfig: pytest.Config) -> Note:
    """Keep a figure for the end of the report."""
    return lambda what, figure: pytestconfig.stash.setdefault(MEASURED, []).append(f"{what}: {figure}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if MEASURED in config.stash:
        terminalreporter.section("measured")
        terminalreporter.write_line("\n".join(config.stash[MEASURED]))


@pytest.fixture(scope="session")
def portrait_jpeg() -> bytes:
    """A public-domain portrait, 1280×960."""
    enlarged = cv2.resize(data.astronaut(), (1280, 1280), interpolation=cv2.INTER_CUBIC)[:960, :, ::-1]
    return cv2.imencode(".jpg", np.ascontiguousarray(enlarged), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, engine: None) -> Path:
    """A copy of the project with both images built."""
    folder = tmp_path_factory.mktemp("project")
    copy_project(folder)
    builder = Deployment(folder, "liveness-test", COMPOSE_FILE="compose.yaml:compose.slim.yaml")
    builder.script("compose-init")
    builder.compose("build")
    return folder


@pytest.fixture(scope="module")
def deployment(project: Path) -> Iterator[Deployment]:
    """The service of compose/compose.yaml, as a first `up` leaves it, on a free port."""
    made = Deployment(project, "liveness-test", LIVENESS_PORT="")
    made.compose("up", "-d")
    yield made
    made.remove()
