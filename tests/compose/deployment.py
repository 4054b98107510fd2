"""A deployment of a copy of the project, driven as an operator drives it: with its scripts and with compose."""

import base64
import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def compose_command() -> list[str]:
    """Today's `docker compose`, or the docker-compose of old."""
    plugin = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return ["docker", "compose"] if plugin.returncode == 0 else ["docker-compose"]


def copy_project(folder: Path) -> None:
    """What version control keeps of the project, without this machine's secrets."""
    listed = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.split("\0"):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)


class Deployment:
    """One compose project. `settings` stand in its environment, over what compose/.env says."""

    def __init__(self, folder: Path, name: str, **settings: str) -> None:
        self.folder = folder
        self.name = name
        self.settings = {"COMPOSE_PROJECT_NAME": name, "LIVENESS_NETWORK": name, **settings}

    def run(self, *command: str, check: bool = True, text_in: str | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=self.folder / "compose",
            env={k: v for k, v in os.environ.items() if not k.startswith(("LIVENESS_", "COMPOSE_"))} | self.settings,
            input=text_in,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def script(self, name: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.folder / "scripts" / name), *arguments, check=check)

    def compose(
        self, *arguments: str, check: bool = True, text_in: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return self.run(*compose_command(), *arguments, check=check, text_in=text_in)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "-q", service).stdout.split()

    def liveness(self, *arguments: str, text_in: str | None = None) -> str:
        """Output of `liveness …` in the first frontend that runs."""
        container = self.containers("frontend")[0]
        return self.run("docker", "exec", "-i", container, "liveness", *arguments, text_in=text_in).stdout

    def new_key(self, name: str, limit: int | None = None) -> str:
        limited = [] if limit is None else ["--limit", str(limit)]
        hash_id: str = json.loads(self.liveness("keys", "create", "--name", name, *limited, "--json"))["hash_id"]
        return hash_id

    def used(self, name: str) -> int:
        count: int = json.loads(self.liveness("keys", "show", name, "--json"))["used"]
        return count

    def logs(self, service: str) -> str:
        done = self.compose("logs", "--no-color", service)
        return done.stdout + done.stderr

    @property
    def url(self) -> str:
        port = json.loads(self.inspect("frontend", "{{json .NetworkSettings.Ports}}"))["5001/tcp"][0]["HostPort"]
        return f"http://127.0.0.1:{port}"

    def inspect(self, service: str, template: str) -> str:
        return self.run("docker", "inspect", "-f", template, self.containers(service)[0]).stdout.strip()

    def health(self, container: str) -> str:
        return self.run("docker", "inspect", "-f", "{{.State.Health.Status}}", container).stdout.strip()

    def main_process(self, service: str) -> int:
        """Number, on this machine, of the container's main process."""
        return int(self.inspect(service, "{{.State.Pid}}"))

    def processes(self, service: str, command: str) -> list[int]:
        """Numbers, on this machine, of those of the container's processes that hold these words."""
        listed = self.run("docker", "top", self.containers(service)[0], "-eo", "pid,args").stdout.splitlines()[1:]
        return [int(line.split()[0]) for line in listed if command in line]

    def remove(self, *, volumes: bool = True) -> None:
        # A profile in .env may have been switched off while its containers run.
        self.settings["COMPOSE_PROFILES"] = "proxy,observability"
        self.compose("down", "--remove-orphans", "--timeout", "20", *(["--volumes"] if volumes else []))
        del self.settings["COMPOSE_PROFILES"]


def body(hash_id: str, picture: bytes) -> bytes:
    return json.dumps({"hash_id": hash_id, "selfie_image": base64.b64encode(picture).decode()}).encode()


def ask(url: str, request: bytes | None = None) -> tuple[int, str]:
    """Status and text of an answer; 0 where there is none."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=request), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()
    except OSError as error:
        return 0, str(error)


def seconds_until(holds: object, timeout_s: float) -> float:
    """How long it took until the function `holds` said so; fails when it does not in time."""
    assert callable(holds)
    started_s = time.monotonic()
    while not holds():
        assert time.monotonic() - started_s < timeout_s, f"not within {timeout_s} s"
        time.sleep(0.1)
    return time.monotonic() - started_s


def live(url: str) -> bool:
    return ask(f"{url}/status_check") == (200, "Services is live")
