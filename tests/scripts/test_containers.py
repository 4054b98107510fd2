"""The scripts about containers, on a machine where a few lines of bash play Docker and openssl."""

import os
import shutil
import stat
import subprocess
import tarfile

import pytest
import yaml

from .conftest import ROOT, Project

OPENSSL = """
while (($#)); do
  case $1 in
    -addext) names=$2 ;;
    -keyout) echo key >"$2" ;;
    -out) echo "$names" >"$2" ;;
  esac
  shift
done
"""
OPENSSL_THAT_FAILS = OPENSSL.replace('echo "$names" >"$2"', "echo 'no entropy' >&2; exit 1")

DOCKER = """
case "$*" in
  'compose ps -q proxy') echo proxy ;;
  'compose ps -q frontend') cat "$HOME/frontends" ;;
  'compose up '*) UP ;;
  'compose config') echo '    image: an-image' ;;
  'stop '*) echo "$*" >>"$HOME/stopped" ;;
  inspect*) echo healthy ;;
esac
"""


@pytest.fixture
def machine(project: Project) -> Project:
    """One frontend, and every tool that these scripts ask for; not git, and not hostname."""
    (project.root / "compose").mkdir()
    (project.root.parent / "home" / "frontends").write_text("old\n")
    for tool in (
        *("basename", "chmod", "chown", "cp", "du", "gzip", "head", "id", "mktemp", "mv", "nproc", "od", "paste"),
        *("realpath", "sleep", "sort", "tar", "tee", "touch", "tr"),
    ):
        (project.bin / tool).symlink_to(shutil.which(tool))
    return project


def play(machine: Project, tool: str, lines: str) -> None:
    """Put `lines` of bash on PATH as `tool`."""
    (machine.bin / tool).unlink(missing_ok=True)  # it may be a link to the real one
    (machine.bin / tool).write_text(f"#!{shutil.which('bash')}\n{lines}")
    (machine.bin / tool).chmod(0o755)


def script(machine: Project, name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [machine.root / "scripts" / name, *arguments]
    return subprocess.run(
        command, env=machine.environment, capture_output=True, text=True, check=False, timeout=60, cwd=machine.root
    )


def test_what_the_operator_wrote_stays(machine):
    env = machine.root / "compose" / ".env"
    env.write_text("LIVENESS_PORT=5002\nCOMPOSE_FILE=compose.yaml:calibration.yaml\n")
    play(machine, "openssl", OPENSSL)
    for options, port, files in (
        (["--frontends", "1"], "5002", "compose.yaml:calibration.yaml"),
        (["--slim"], "5002", "compose.yaml:compose.slim.yaml:calibration.yaml"),
        (["--frontends", "3", "--slim"], "", "compose.yaml:compose.slim.yaml:calibration.yaml"),
        (["--frontends", "1", "--no-slim"], None, "compose.yaml:calibration.yaml"),
    ):
        done = script(machine, "compose-init", *options)
        assert done.returncode == 0, done.stderr
        held = dict(line.split("=", 1) for line in env.read_text().splitlines())
        assert (held.get("LIVENESS_PORT"), held["COMPOSE_FILE"]) == (port, files)
    env.write_text("")
    script(machine, "compose-init", "--slim")
    assert "COMPOSE_FILE=compose.yaml:compose.slim.yaml\n" in env.read_text()
    script(machine, "compose-init", "--no-slim")
    assert "COMPOSE_FILE" not in env.read_text()


def test_a_link_to_the_settings_stays_one(machine, tmp_path):
    play(machine, "openssl", OPENSSL)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("LIVENESS_MONGO_PASSWORD=known to the database\n")
    (machine.root / "compose" / ".env").symlink_to(elsewhere)
    assert script(machine, "compose-init").returncode == 0
    assert (machine.root / "compose" / ".env").is_symlink()
    assert "LIVENESS_MONGO_PASSWORD=known to the database\n" in elsewhere.read_text()
    assert "LIVENESS_GRAFANA_PASSWORD=" in elsewhere.read_text()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")
@pytest.mark.parametrize("user", ["", "1000:1000"])
def test_root_gives_the_certificate_to_the_user_that_the_proxy_runs_as(machine, user):
    play(machine, "openssl", OPENSSL)
    play(machine, "chown", 'echo "$*" >>"$HOME/chown"')
    if user:
        (machine.root / "compose" / ".env").write_text(f"LIVENESS_PROXY_USER={user}\n")
    assert script(machine, "compose-init").returncode == 0
    assert f"-R {user or '101:101'} secrets\n" in (machine.root.parent / "home" / "chown").read_text()


def test_a_certificate_that_could_not_be_made_is_said_and_made_by_the_next_run(machine):
    secrets = machine.root / "compose" / "secrets"
    play(machine, "openssl", OPENSSL_THAT_FAILS)
    failed = script(machine, "compose-init")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "compose-init: openssl made no certificate: no entropy\n"
    assert list(secrets.iterdir()) == []
    play(machine, "openssl", OPENSSL)
    machine.environment["HOSTNAME"] = "this-machine"
    made = script(machine, "compose-init")
    assert (made.returncode, made.stderr) == (0, "")
    assert "DNS:this-machine" in (secrets / "tls.crt").read_text()
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in secrets.iterdir()}
    assert modes == {"tls.crt": 0o644, "tls.key": 0o600}


@pytest.mark.parametrize("present", ["tls.crt", "tls.key"])
def test_half_of_a_certificate_is_neither_replaced_nor_taken_for_whole(machine, present):
    play(machine, "openssl", OPENSSL)
    (machine.root / "compose" / "secrets").mkdir()
    half = machine.root / "compose" / "secrets" / present
    half.write_text("an operator's own")
    refused = script(machine, "compose-init")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "only one of tls.crt and tls.key" in refused.stderr
    assert half.read_text() == "an operator's own"


def test_a_roll_that_cannot_start_a_new_frontend_says_why(machine):
    play(machine, "docker", DOCKER.replace("UP", "echo 'No such image: liveness-frontend:0.1.0' >&2; exit 1"))
    failed = script(machine, "compose-roll")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("compose-roll: ")
    assert "No such image: liveness-frontend:0.1.0" in failed.stderr


def test_a_roll_that_succeeds_says_no_more_than_what_it_replaced(machine):
    play(machine, "docker", DOCKER.replace("UP", 'echo new >>"$HOME/frontends"; echo Started >&2'))
    done = script(machine, "compose-roll")
    assert (done.returncode, done.stdout, done.stderr) == (0, "replaced old\n", "")
    assert (machine.root.parent / "home" / "stopped").read_text() == "stop old\n"  # in the time that compose.yaml sets


@pytest.mark.parametrize("name", ["compose-roll", "bundle", "load"])
def test_a_docker_that_does_not_answer_is_said_to_be_the_cause(machine, name):
    play(machine, "docker", "exit 1")
    failed = script(machine, name, *(["pyproject.toml", "folder"] if name == "load" else []))
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"{name}: Docker does not answer: ")


def test_a_roll_with_nothing_to_replace_says_so(machine):
    play(machine, "docker", DOCKER)
    (machine.root.parent / "home" / "frontends").write_text("")
    failed = script(machine, "compose-roll")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr == "compose-roll: no frontend runs that could be replaced: docker compose up -d\n"


def test_a_search_path_for_folders_leads_no_script_astray(machine):
    play(machine, "docker", DOCKER.replace("UP", "exit 1"))
    machine.environment["CDPATH"] = "."
    failed = subprocess.run(
        ["scripts/compose-roll"], env=machine.environment, cwd=machine.root, capture_output=True, text=True, check=False
    )
    assert failed.stderr.startswith("compose-roll: no new frontend was started")


def test_only_the_port_with_tls_follows_the_address_that_is_published():
    services = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())["services"]
    ports = {name: port for name, service in services.items() for port in service.get("ports", ())}
    assert [name for name, port in ports.items() if port.startswith("${LIVENESS_BIND:-127.0.0.1}:")] == ["proxy"]
    assert not [port for port in ports.values() if "127.0.0.1" not in port]


def test_a_bundle_without_git_leaves_out_what_git_ignores(machine):
    play(machine, "docker", DOCKER)
    kept = [file.relative_to(machine.root).as_posix() for file in machine.root.rglob("*") if file.is_file()]
    for ignoring in (".gitignore", "compose/.gitignore", "benchmarks/.gitignore"):
        folder = (machine.root / ignoring).parent
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / ignoring, folder)
        kept.append(ignoring)
        for pattern in (ROOT / ignoring).read_text().split():
            for where in [folder] if pattern.startswith("/") else [folder, folder / "deeper"]:
                name = pattern.strip("/").replace("*", "any")
                file = where / name / "file" if pattern.endswith("/") else where / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.touch()
    made = script(machine, "bundle", "made.tar")
    assert made.returncode == 0, made.stderr
    with (
        tarfile.open(machine.root / "made.tar") as archive,
        tarfile.open(fileobj=archive.extractfile("project.tar.gz")) as packed,
    ):
        assert sorted(packed.getnames()) == sorted(kept)


def test_a_bundle_that_fails_leaves_nothing(machine):
    play(machine, "docker", DOCKER)
    play(machine, "mv", "exit 1")
    before = set(machine.root.iterdir())
    assert script(machine, "bundle", "made.tar").returncode == 1
    assert set(machine.root.iterdir()) == before


def test_what_a_narrow_umask_made_can_be_read_by_the_containers_users(machine, tmp_path):
    play(machine, "docker", DOCKER)
    play(machine, "openssl", OPENSSL)
    start = machine.root / "compose" / "triton" / "start"
    start.parent.mkdir(mode=0o700)
    start.touch(mode=0o700)
    (start.parent / "health.py").touch(mode=0o600)
    assert script(machine, "bundle", "made.tar").returncode == 0
    load = machine.root / "scripts" / "load"
    command = ["bash", "-c", f'umask 077; "{load}" made.tar "{tmp_path}/a folder"']
    subprocess.run(command, env=machine.environment, cwd=machine.root, check=True, capture_output=True, timeout=60)
    assert script(machine, "compose-init").returncode == 0
    for root in (machine.root, tmp_path / "a folder"):
        folder = root / "compose" / "triton"
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "start", folder / "health.py")]
        assert modes == [0o755, 0o755, 0o644]
