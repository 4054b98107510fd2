"""What an operator got wrong is named, with what to do about it."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.deployment import Deployment, copy_project, live, seconds_until

NO_BACKEND = """
FROM nvcr.io/nvidia/tritonserver:24.10-py3
USER root
RUN rm -rf /opt/tritonserver/backends/onnxruntime
"""


@pytest.fixture
def refused(project: Path) -> Iterator[Deployment]:
    made = Deployment(project, "liveness-refused", LIVENESS_PORT="")
    yield made
    made.remove()


def says(deployment: Deployment, service: str, *words: str) -> None:
    """One line of the service's log holds all of these words, soon."""

    def said() -> bool:
        return any(all(word in line for word in words) for line in deployment.logs(service).splitlines())

    seconds_until(said, 60)


def test_missing_secret_is_named_with_the_command_that_makes_it(project: Path, tmp_path: Path) -> None:
    copy_project(tmp_path)
    bare = Deployment(tmp_path, "liveness-bare")
    done = bare.compose("up", "-d", check=False)
    assert done.returncode != 0
    assert "LIVENESS_MONGO_PASSWORD" in done.stderr
    assert "scripts/compose-init" in done.stderr
    assert "Traceback" not in done.stderr


def test_password_that_the_database_does_not_know(refused: Deployment) -> None:
    refused.compose("up", "-d")
    seconds_until(lambda: live(refused.url), 60)
    refused.settings["LIVENESS_MONGO_PASSWORD"] = "another"
    refused.compose("up", "-d")
    says(refused, "frontend", "liveness: ", "LIVENESS_KEYS_URL", "user or password is wrong")
    assert "Traceback" not in refused.logs("frontend")


def test_port_that_is_taken(refused: Deployment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        refused.settings["LIVENESS_PORT"] = port = str(holder.getsockname()[1])
        done = refused.compose("up", "-d", check=False)
    assert done.returncode != 0
    assert f"127.0.0.1:{port}" in done.stderr
    assert "address already in use" in done.stderr or "port is already allocated" in done.stderr


def test_model_folder_that_is_not_there(refused: Deployment) -> None:
    refused.settings["LIVENESS_MODEL_REPOSITORY"] = "/nowhere/models"
    done = refused.compose("up", "-d", "triton", check=False)
    assert done.returncode != 0
    assert "/nowhere/models" in done.stderr


@pytest.mark.parametrize("fault", ["empty", "unreadable"])
def test_model_that_cannot_be_read_ends_up_with_its_reason(refused: Deployment, tmp_path: Path, fault: str) -> None:
    tmp_path.chmod(0o755)
    model = tmp_path / "models/anti_spoof"
    (model / "1").mkdir(parents=True)
    if fault == "unreadable":
        (model / "config.pbtxt").touch()
        (model / "1/model.onnx").touch(mode=0o600)
    refused.settings["LIVENESS_MODEL_REPOSITORY"] = str(tmp_path / "models")
    done = refused.compose("up", "-d", "frontend", check=False)
    assert done.returncode != 0
    assert "triton" in done.stderr
    assert "unhealthy" in done.stderr
    missing = {"empty": "config.pbtxt", "unreadable": "model.onnx"}[fault]
    says(refused, "triton", "liveness: cannot read", missing, "LIVENESS_MODEL_REPOSITORY", "chmod -R a+rX")


def test_triton_image_without_the_backend(refused: Deployment, project: Path) -> None:
    subprocess.run(
        ["docker", "build", "-q", "-t", "liveness-no-backend", "-"],
        input=NO_BACKEND,
        text=True,
        check=True,
        capture_output=True,
    )
    override = project / "compose/compose.no-backend.yaml"
    override.write_text("services: { triton: { image: liveness-no-backend } }\n")
    refused.settings["COMPOSE_FILE"] = "compose.yaml:compose.no-backend.yaml"
    refused.compose("up", "-d", "triton")
    says(refused, "triton", "liveness: this Triton image has no onnxruntime backend", "24.10-py3", "compose.slim.yaml")


def test_bad_setting_is_named(refused: Deployment) -> None:
    refused.settings["LIVENESS_LIVE_THRESHOLD"] = "much"
    refused.compose("up", "-d")
    says(refused, "frontend", "liveness: ", "LIVENESS_LIVE_THRESHOLD")


@pytest.mark.parametrize("arguments", [["--frontends"], ["--frontends", "0"], ["--frontends", "many"], ["--what"]])
def test_compose_init_refuses_what_it_does_not_know(project: Path, arguments: list[str]) -> None:
    done = Deployment(project, "liveness-test").script("compose-init", *arguments, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("compose-init: ")


def test_compose_init_keeps_what_is_there(tmp_path: Path) -> None:
    copy_project(tmp_path)
    made = Deployment(tmp_path, "liveness-kept")
    made.script("compose-init", "--slim", "--frontends", "2")
    kept = (tmp_path / "compose/.env").read_text()
    key = (tmp_path / "compose/secrets/tls.key").read_bytes()
    made.script("compose-init")
    assert (tmp_path / "compose/.env").read_text() == kept
    assert (tmp_path / "compose/secrets/tls.key").read_bytes() == key
    made.script("compose-init", "--no-slim", "--frontends", "1")
    changed = (tmp_path / "compose/.env").read_text()
    assert "COMPOSE_FILE" not in changed
    assert "LIVENESS_PORT" not in changed
    assert next(line for line in kept.splitlines() if "PASSWORD" in line) in changed
    assert os.environ.get("COMPOSE_FILE") is None


def test_compose_init_leaves_other_profiles_on(tmp_path: Path) -> None:
    copy_project(tmp_path)
    made = Deployment(tmp_path, "liveness-profiles")
    made.script("compose-init")
    with (tmp_path / "compose/.env").open("a") as settings:
        settings.write("COMPOSE_PROFILES=observability\n")
    for frontends, profiles in ("3", "proxy,observability"), ("1", "observability"):
        made.script("compose-init", "--frontends", frontends)
        assert f"COMPOSE_PROFILES={profiles}" in (tmp_path / "compose/.env").read_text().splitlines()


def test_frontend_takes_its_address_of_keys_from_a_file(project: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    secret = tmp_path / "LIVENESS_KEYS_URL"
    secret.write_text("mysql://no-home-of-keys\n")
    secret.chmod(0o644)
    command = ["docker", "run", "--rm", "--network", "none", "-v", f"{tmp_path}:/run/secrets:ro"]
    done = subprocess.run(
        [*command, "liveness-frontend:0.1.0", "liveness", "keys", "list"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "LIVENESS_KEYS_URL must be" in done.stderr
