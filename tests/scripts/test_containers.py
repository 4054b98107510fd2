"""The scripts about containers, on a machine where a few lines of bash play Docker and openssl."""

import shutil
import stat
import subprocess
import tarfile

import pytest

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
