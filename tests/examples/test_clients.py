"""Every client in examples/, run against the real service."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import MakeKey, Stack, environment, running

EXAMPLES = Path(__file__).parents[2] / "examples"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def selfie(tmp_path_factory: pytest.TempPathFactory, portrait_jpeg: bytes) -> Path:
    file = tmp_path_factory.mktemp("pictures") / r'a "selfie"; made, \kept.jpg'
    file.write_bytes(portrait_jpeg)
    return file


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that can judge nothing, for its Triton is not there: 503 with Retry-After."""
    folder = tmp_path_factory.mktemp("busy")
    settings = {"triton_url": "127.0.0.1:9", "data_dir": folder, "port": 0, "retry_after_s": 1}
    with running("serve", "listening", folder / "log", **settings) as (_, ready):
        made = subprocess.run(
            [sys.executable, "-m", "frontend.cli", "keys", "create", "--name", "a", "--json"],
            env=environment(data_dir=folder),
            capture_output=True,
            text=True,
            check=True,
        )
        yield f"{ready.split()[-1]} {json.loads(made.stdout)['hash_id']}"


@pytest.fixture(scope="module", params=[200, 413])
def pages(request: pytest.FixtureRequest) -> Iterator[str]:
    """What is no service of ours: it answers everything with a page, as a portal or a proxy does."""

    class Pages(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(request.param)
            self.end_headers()
            self.wfile.write(b"<html>Sign in first</html>")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]} {request.param}"
        server.shutdown()


@pytest.fixture(scope="module")
def module() -> ModuleType:
    specification = importlib.util.spec_from_file_location("liveness_client", EXAMPLES / "liveness_client.py")
    assert specification
    assert specification.loader
    loaded = importlib.util.module_from_spec(specification)
    sys.modules["liveness_client"] = loaded
    specification.loader.exec_module(loaded)
    return loaded


def run(*command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """In an environment that names a proxy, which is not there: a service on this machine is asked directly."""
    others = {name: text for name, text in os.environ.items() if not name.lower().endswith("_proxy")}
    proxied = others | {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        list(map(str, command)), env=proxied | variables, capture_output=True, text=True, check=False, timeout=60
    )


SHELL = ["sh", EXAMPLES / "client.sh"]
NODE = ["node", EXAMPLES / "client.mjs"]
NEEDED = {"sh": "curl", "node": "node"}


def skip_without_the_program_for(command: list[object]) -> None:
    if shutil.which(program := NEEDED[str(command[0])]) is None:
        pytest.skip(f"needs {program}: apt-get install {'nodejs' if program == 'node' else program}")


@pytest.mark.parametrize("command", [SHELL, NODE], ids=["curl", "javascript"])
def test_programs(stack: Stack, hash_id: str, selfie: Path, tmp_path: Path, command: list[object]) -> None:
    skip_without_the_program_for(command)
    folder = tmp_path / "für uns"
    folder.mkdir()
    link = tmp_path / Path(str(command[1])).name
    link.symlink_to(shutil.copy(str(command[1]), folder))
    command = [command[0], link]
    judged = run(*command, selfie, hash_id, stack.url)
    assert judged.returncode == 0, judged.stderr
    answer = json.loads(judged.stdout)
    assert answer["message"] == "Success"
    assert answer.get("liveness_result", answer)["is_live"] == 1
    assert run(*command, selfie, LIVENESS_HASH_ID=hash_id, LIVENESS_URL=stack.url).stdout == judged.stdout
    refused = run(*command, selfie, "unknown", stack.url)
    assert refused.returncode != 0
    assert "Invalid credentials" in refused.stdout + refused.stderr
    for arguments in (), (selfie,):
        untold = run(*command, *arguments)
        assert untold.returncode != 0
        assert untold.stderr.startswith("usage: ")


@pytest.mark.parametrize("command", [SHELL, NODE], ids=["curl", "javascript"])
def test_programs_wait_as_long_as_retry_after_says(busy: str, selfie: Path, command: list[object]) -> None:
    skip_without_the_program_for(command)
    url, hash_id = busy.split()
    begun_at_s = time.monotonic()
    failed = run(*command, selfie, hash_id, url)
    assert time.monotonic() - begun_at_s > 3  # after 1 s, three times
    assert failed.returncode != 0
    assert "Please try again" in failed.stdout + failed.stderr


def test_shortest_client(stack: Stack, hash_id: str, selfie: Path) -> None:
    done = run(sys.executable, EXAMPLES / "client.py", selfie, hash_id, LIVENESS_URL=stack.url)
    assert done.stdout.startswith("Response Code: 201\n"), done.stderr
    assert "'message': 'Success'" in done.stdout


def test_typed_client(stack: Stack, make_key: MakeKey, selfie: Path, module: ModuleType) -> None:
    client = module.LivenessClient(stack.url, make_key(limit=3))
    verdict = client.judge(selfie)
    assert verdict.is_live
    assert verdict.message == "Success"
    first, refused, last = client.judge_all([selfie, b"no picture", selfie.read_bytes()])
    assert first == last == verdict
    assert isinstance(refused, module.LivenessError)
    assert refused.status == 400
    with pytest.raises(module.LivenessError, match="limit has been reached"):
        client.judge(selfie)
    with pytest.raises(module.LivenessError, match="401: Invalid credentials"):
        module.LivenessClient(stack.url, "unknown").judge_all([selfie])


def test_a_page_in_place_of_an_answer_is_no_verdict(pages: str, selfie: Path, module: ModuleType) -> None:
    url, status = pages.split()
    client = module.LivenessClient(url, "a hash_id")
    for ask in client.judge, lambda picture: client.judge_all([picture]):
        with pytest.raises(module.LivenessError, match=f"{status}: <html>Sign in first"):
            ask(selfie)
    if shutil.which("node"):
        done = run(*NODE, selfie, "a hash_id", url)
        assert (done.returncode, done.stderr) == (1, f"{status}: no answer of the service\n")


def test_typed_client_from_a_shell(stack: Stack, hash_id: str, selfie: Path) -> None:
    client, there = EXAMPLES / "liveness_client.py", {"LIVENESS_URL": stack.url, "LIVENESS_HASH_ID": hash_id}
    done = run(sys.executable, client, selfie.with_name("missing.jpg"), client, selfie, **there)
    assert "is_live=True" in done.stdout, "one that is not judged holds up none"
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2


def test_typed_client_tries_again_and_then_says_so(busy: str, selfie: Path, module: ModuleType) -> None:
    url, hash_id = busy.split()
    begun_at_s = time.monotonic()
    with pytest.raises(module.Unavailable, match="503: The service cannot judge"):
        module.LivenessClient(url, hash_id, attempts=2, backoff_s=30).judge(selfie)
    assert 1 <= time.monotonic() - begun_at_s < 20  # as Retry-After says, not as the back-off would have it
    begun_at_s = time.monotonic()
    with pytest.raises(module.Unavailable, match="refused"):
        module.LivenessClient("http://127.0.0.1:9", hash_id, attempts=3, backoff_s=0.1).judge(selfie)
    assert time.monotonic() - begun_at_s > 0.3
