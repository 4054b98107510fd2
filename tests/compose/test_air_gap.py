"""The bundle: one archive brings the service to a machine without internet, and nothing there looks for a way out."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.conftest import Note
from tests.compose.deployment import Deployment, body, seconds_until

ISOLATED = """
networks:
  facia-network: { internal: true }
  published: { internal: true }
"""
OWN_IMAGES = ("liveness-frontend:0.1.0", "liveness-triton:0.1.0")
ASK = """
import sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:5001/liveness", data=sys.stdin.buffer.read())
print(urllib.request.urlopen(request).read().decode())
"""
REACH_OUT = """
import socket
for address in ("1.1.1.1", 443), ("pypi.org", 443), ("example.com", 80):
    try:
        socket.create_connection(address, 3).close()
    except OSError:
        continue
    raise SystemExit(f"reached {address}")
"""


@pytest.fixture(scope="module")
def archive(project: Path, note: Note) -> Iterator[Path]:
    """A bundle with the slim Triton, in the project itself, where an earlier one lies already."""
    (project / "earlier.tar").touch()
    target = project / "liveness.tar"
    started_s = time.monotonic()
    slim = Deployment(project, "liveness-bundle", COMPOSE_FILE="compose.yaml:compose.slim.yaml")
    slim.script("bundle", str(target))
    note("scripts/bundle with the slim Triton, s", round(time.monotonic() - started_s))
    note("archive, MB", target.stat().st_size // 1_000_000)
    yield target
    for file in project.glob("*.tar*"):
        file.unlink()


@pytest.fixture(scope="module")
def loaded(archive: Path, tmp_path_factory: pytest.TempPathFactory, note: Note) -> Path:
    """The folder that the bundle was loaded into, after our images had been removed."""
    for image in OWN_IMAGES:
        subprocess.run(["docker", "rmi", "--force", image], check=True, capture_output=True)
    folder = tmp_path_factory.mktemp("loaded")
    subprocess.run(["tar", "-C", str(folder), "-xf", str(archive), "load"], check=True)
    started_s = time.monotonic()
    done = subprocess.run(
        [str(folder / "load"), str(archive), str(folder / "liveness")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    note("scripts/load, s", round(time.monotonic() - started_s))
    return folder / "liveness"


def test_bundle_carries_no_secret_and_no_bundle(archive: Path) -> None:
    packed = subprocess.run(["tar", "-xOf", str(archive), "project.tar.gz"], capture_output=True, check=True).stdout
    listed = subprocess.run(["tar", "-tz"], input=packed, capture_output=True, check=True).stdout.decode().split()
    assert "compose/compose.yaml" in listed
    assert "model_repository/anti_spoof/1/model.onnx" in listed
    assert not [name for name in listed if name.endswith(".env") or "secrets" in name]
    assert not [name for name in listed if ".tar" in name or ".bundle-" in name]
    assert not list(archive.parent.glob(".bundle-*"))


def test_checksum_beside_the_archive_is_right(archive: Path) -> None:
    command = ["sha256sum", "--check", "--strict", f"{archive.name}.sha256"]
    subprocess.run(command, cwd=archive.parent, check=True, capture_output=True)


def test_damaged_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tar"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    script = Path(__file__).parents[2] / "scripts/load"
    refused = subprocess.run(
        [str(script), str(damaged), str(tmp_path / "x")], check=False, capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == f"load: {damaged} was damaged on its way: copy it again"


def test_loaded_service_judges_with_no_way_out(loaded: Path, portrait_jpeg: bytes, note: Note) -> None:
    isolated = Deployment(loaded, "liveness-isolated", LIVENESS_PORT="")
    isolated.script("compose-init", "--slim")
    (loaded / "compose/compose.isolated.yaml").write_text(ISOLATED)
    isolated.settings["COMPOSE_FILE"] = "compose.yaml:compose.slim.yaml:compose.isolated.yaml"
    isolated.compose("up", "-d", "--no-build")
    try:
        networks = isolated.run(
            "docker", "network", "ls", "-q", "--filter", "label=com.docker.compose.project=liveness-isolated"
        )
        internal = isolated.run("docker", "network", "inspect", "-f", "{{.Internal}}", *networks.stdout.split()).stdout
        assert internal.split() == ["true", "true"]
        seconds_until(lambda: isolated.inspect("frontend", "{{.State.Health.Status}}") == "healthy", 60)
        request = body(isolated.new_key("isolated"), portrait_jpeg).decode()
        slim = json.loads(isolated.compose("exec", "-T", "frontend", "python", "-c", ASK, text_in=request).stdout)
        assert slim["message"] == "Success"
        isolated.compose("exec", "-T", "frontend", "python", "-c", REACH_OUT)

        # The same with the other Triton image: the same answer, to the last digit that is given.
        isolated.settings["COMPOSE_FILE"] = "compose.yaml:compose.isolated.yaml"
        isolated.compose("up", "-d", "--no-build")
        assert "nvcr.io" in isolated.inspect("triton", "{{.Config.Image}}")
        seconds_until(lambda: isolated.inspect("frontend", "{{.State.Health.Status}}") == "healthy", 60)
        full = json.loads(isolated.compose("exec", "-T", "frontend", "python", "-c", ASK, text_in=request).stdout)
        assert full == slim
        note("score with either Triton image", full["liveness_result"]["liveness_score"])
    finally:
        isolated.remove()


@pytest.fixture(scope="module")
def ordinary(loaded: Path) -> Iterator[Deployment]:
    """The service in the networks of compose.yaml."""
    made = Deployment(loaded, "liveness-ordinary", LIVENESS_PORT="")
    made.compose("up", "-d", "--no-build")
    yield made
    made.remove()


def test_ordinary_networks_are_shut(ordinary: Deployment) -> None:
    def network(name: str, template: str) -> str:
        return ordinary.run("docker", "network", "inspect", "-f", template, name).stdout.strip()

    assert network(ordinary.settings["LIVENESS_NETWORK"], "{{.Internal}}") == "true"
    options = json.loads(network(f"{ordinary.name}_published", "{{json .Options}}"))
    assert options["com.docker.network.bridge.enable_ip_masquerade"] == "false"
    for service, expected in (("frontend", 2), ("triton", 1)):
        joined = json.loads(ordinary.inspect(service, "{{json .NetworkSettings.Networks}}"))
        assert ordinary.settings["LIVENESS_NETWORK"] in joined
        assert len(joined) == expected


def test_frontend_and_triton_cannot_get_out_of_the_ordinary_networks(ordinary: Deployment) -> None:
    others = ordinary.run("docker", "run", "--rm", OWN_IMAGES[0], "python", "-c", REACH_OUT, check=False)
    if "reached" not in others.stderr:
        pytest.skip("no container gets out of this machine, whatever its network")
    for service, python in (("frontend", "python"), ("triton", "python3")):
        ordinary.compose("exec", "-T", service, python, "-c", REACH_OUT)


def test_images_are_small(project: Path, note: Note) -> None:
    base = size_of("python:3.11-slim-bookworm")
    for image in OWN_IMAGES:
        note(f"{image}, MB (of which the base image)", f"{size_of(image)} ({base})")
    assert size_of("liveness-triton:0.1.0") < 1000


def size_of(image: str) -> int:
    listed = subprocess.run(["docker", "image", "inspect", "-f", "{{.Size}}", image], capture_output=True, check=True)
    return int(listed.stdout) // 1_000_000
