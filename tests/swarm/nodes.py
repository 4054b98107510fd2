"""Three machines on this one: a Docker engine each, in a network namespace of its own, joined to one swarm."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

SUBNET = "10.213.97"
SWITCH = "liveness-switch"
UPLINK = "liveness-up"
ENGINE_TIMEOUT_S = 60


def sh(*command: str, check: bool = True, text_in: str | None = None, timeout_s: float = 300) -> str:
    """Standard output of a command."""
    done = subprocess.run(command, input=text_in, capture_output=True, text=True, check=False, timeout=timeout_s)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout.strip()


def eventually(holds: Callable[[], object], timeout_s: float, what: str = "") -> float:
    """Seconds until `holds`; fails when it does not in time."""
    begun_s = time.monotonic()
    while not holds():
        assert time.monotonic() - begun_s < timeout_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.2)
    return time.monotonic() - begun_s


class Switch:
    """A bridge in a namespace of its own, so that this machine's packet filter has no say between the nodes."""

    def __init__(self) -> None:
        self.remove()  # what a run that was killed has left
        sh("ip", "netns", "add", SWITCH)
        self._in("ip", "link", "set", "lo", "up")
        self._in("ip", "link", "add", "name", "bridge", "type", "bridge")
        self._in("ip", "link", "set", "bridge", "up")
        sh("ip", "link", "add", UPLINK, "type", "veth", "peer", "name", "uplink", "netns", SWITCH)
        sh("ip", "addr", "add", f"{SUBNET}.254/24", "dev", UPLINK)
        sh("ip", "link", "set", UPLINK, "up")
        self._in("ip", "link", "set", "dev", "uplink", "master", "bridge")
        self._in("ip", "link", "set", "dev", "uplink", "up")

    def plug(self, node: "Node") -> None:
        """A cable from the bridge to the node."""
        port = f"to-{node.name}"
        command = ("ip", "link", "add", port, "netns", SWITCH, "type", "veth", "peer", "name", "eth0")
        sh(*command, "netns", node.namespace)
        self._in("ip", "link", "set", port, "master", "bridge")
        self.connect(node, connected=True)

    def connect(self, node: "Node", *, connected: bool) -> None:
        """Put the node's cable in, or pull it."""
        self._in("ip", "link", "set", f"to-{node.name}", "up" if connected else "down")

    def remove(self) -> None:
        sh("ip", "link", "del", UPLINK, check=False)
        sh("ip", "netns", "del", SWITCH, check=False)

    def _in(self, *command: str) -> None:
        sh("nsenter", f"--net=/var/run/netns/{SWITCH}", *command)


class Node:
    """One engine. Its daemon and its containers live in `folder` and in the namespace."""

    def __init__(self, number: int, folder: Path, switch: Switch) -> None:
        self.name = f"n{number}"
        self.address = f"{SUBNET}.{number}"
        self.namespace = f"liveness-{self.name}"
        self.folder = folder / self.name
        self.folder.mkdir()
        self._switch = switch
        self._daemon: subprocess.Popen[bytes] | None = None
        sh("ip", "netns", "add", self.namespace)
        switch.plug(self)
        for command in (
            ("link", "set", "lo", "up"),
            ("addr", "add", f"{self.address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", f"{SUBNET}.254"),
        ):
            sh("nsenter", f"--net=/var/run/netns/{self.namespace}", "ip", *command)

    def start(self) -> None:
        """Start the engine, or start it again after `kill`."""
        self._switch.connect(self, connected=True)
        (self.folder / "docker.pid").unlink(missing_ok=True)
        with (self.folder / "dockerd.log").open("ab") as log:
            command = ["nsenter", f"--net=/var/run/netns/{self.namespace}", "dockerd"]
            options = [f"--data-root={self.folder}/data", f"--exec-root={self.folder}/exec"]
            options += [f"--pidfile={self.folder}/docker.pid", f"--host=unix://{self.folder}/docker.sock"]
            self._daemon = subprocess.Popen([*command, *options], stdout=log, stderr=log, start_new_session=True)
        eventually(lambda: self.docker("ps", check=False), ENGINE_TIMEOUT_S, f"{self.name}: no engine")

    def docker(self, *arguments: str, check: bool = True, text_in: str | None = None) -> str:
        """`docker …` of this node."""
        return sh("docker", "-H", f"unix://{self.folder}/docker.sock", *arguments, check=check, text_in=text_in)

    def run(self, *command: str, cwd: Path, check: bool = True, **environment: str) -> str:
        """Any program, with this node as its Docker engine."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("LIVENESS_", "COMPOSE_"))}
        env = clean | {"DOCKER_HOST": f"unix://{self.folder}/docker.sock"} | environment
        done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=300)
        assert not check or done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout + done.stderr

    def load(self, images: Sequence[str]) -> None:
        """Bring images in from this machine's own engine."""
        pipe = f"docker save {' '.join(images)} | docker -H unix://{self.folder}/docker.sock load -q"
        sh("bash", "-o", "pipefail", "-c", pipe, timeout_s=600)

    def containers(self, service: str) -> list[str]:
        """Running containers of a service on this node."""
        label = f"label=com.docker.swarm.service.name=liveness_{service}"
        return self.docker("ps", "-q", "--filter", label).split()

    def main_process(self, container: str) -> int:
        return int(self.docker("inspect", "-f", "{{.State.Pid}}", container))

    def kill(self) -> None:
        """As when the power goes: first the cable, so that nobody hears a farewell, then every process."""
        pids = self.docker("ps", "-q", check=False).split()
        mains = [self.main_process(one) for one in pids]
        self._switch.connect(self, connected=False)
        for pid in [*self._processes(), *mains]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._daemon is not None:
            self._daemon.wait()
            self._daemon = None

    def remove(self) -> None:
        if self._daemon is not None:
            self.kill()
        for mount in sorted((line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()), reverse=True):
            if mount.startswith(f"{self.folder}/"):
                sh("umount", "--lazy", mount, check=False)
        sh("ip", "netns", "del", self.namespace, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self) -> list[int]:
        """The engine, its containerd and their shims: all that name this folder."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if process.pid != os.getpid() and any(f"{self.folder}/" in word for word in words):
                found.append(process.pid)
        return found


def swarm_of(nodes: Sequence[Node]) -> None:
    """Join the nodes, each a manager, so that any one may be lost."""
    first, *others = nodes
    first.docker("swarm", "init", "--advertise-addr", first.address, "--listen-addr", f"{first.address}:2377")
    token = first.docker("swarm", "join-token", "-q", "manager")
    for node in others:
        listen = ("--advertise-addr", node.address, "--listen-addr", f"{node.address}:2377")
        node.docker("swarm", "join", "--token", token, *listen, f"{first.address}:2377")


def addresses(node: Node) -> dict[str, str]:
    """Swarm's number of each node → its address; the engines share one hostname, so that is no name for them."""
    found = {}
    for number in node.docker("node", "ls", "-q").split():
        described = json.loads(node.docker("node", "inspect", number))[0]
        found[number] = described["ManagerStatus"]["Addr"].partition(":")[0]
    return found
