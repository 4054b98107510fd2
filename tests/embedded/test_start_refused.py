"""A start that cannot succeed says why, soon, and leaves nothing behind."""

import shutil
import socket
import time

import pytest

from frontend.embedded import installation
from frontend.errors import StartRefused
from tests.embedded.children import MODEL_REPOSITORY, embedded, processes_of

SLOW_MODEL = """
import time
class TritonPythonModel:
    def initialize(self, args):
        time.sleep(60)
"""
SLOW_CONFIG = """
name: "slow" backend: "python" max_batch_size: 0
input { name: "x" data_type: TYPE_FP32 dims: [ 1 ] }
output { name: "y" data_type: TYPE_FP32 dims: [ 1 ] }
instance_group [ { kind: KIND_CPU count: 1 } ]
"""


@pytest.fixture
def repository(tmp_path):
    return shutil.copytree(MODEL_REPOSITORY, tmp_path / "models")


def assert_refused(tmp_path, words, within_s=8, **changes):
    started = time.monotonic()
    with pytest.raises(StartRefused, match=words):
        embedded(tmp_path / "run", **changes).start()
    assert time.monotonic() - started < within_s
    assert not processes_of(tmp_path)
    assert {file.name for file in (tmp_path / "run").glob("*")} <= {"triton.log"}


def change_config(repository, before, after):
    config = repository / "anti_spoof" / "config.pbtxt"
    text = config.read_text()
    assert before in text
    config.write_text(text.replace(before, after))


def test_a_broken_model_file(tmp_path, repository):
    (repository / "anti_spoof" / "1" / "model.onnx").write_bytes(b"this is no model")
    assert_refused(tmp_path, "model.onnx", model_repository=repository)


def test_a_missing_model_file(tmp_path, repository):
    (repository / "anti_spoof" / "1" / "model.onnx").unlink()
    assert_refused(tmp_path, "LIVENESS_MODEL_REPOSITORY", model_repository=repository)


def test_an_unknown_model(tmp_path):
    assert_refused(tmp_path, "nonesuch", model="nonesuch")


def test_a_backend_that_is_not_there(tmp_path, repository):
    change_config(repository, 'backend: "onnxruntime"', 'backend: "nonesuch"')
    assert_refused(tmp_path, "nonesuch", model_repository=repository)


def test_a_config_that_does_not_parse(tmp_path, repository):
    change_config(repository, "max_batch_size: 8", "max_batch_size: eight")
    assert_refused(tmp_path, "max_batch_size|eight|config.pbtxt", model_repository=repository)


def test_a_config_that_does_not_fit_the_model(tmp_path, repository):
    change_config(repository, 'name: "live"', 'name: "alive"')
    assert_refused(tmp_path, "the config names the outputs", model_repository=repository)


def test_a_thread_count_that_is_none(tmp_path, repository):
    change_config(repository, 'string_value: "1"', 'string_value: "many"')
    assert_refused(tmp_path, "must be a whole number", model_repository=repository)


def test_a_start_that_takes_too_long(tmp_path, repository):
    slow = repository / "slow"
    (slow / "1").mkdir(parents=True)
    (slow / "1" / "model.py").write_text(SLOW_MODEL)
    (slow / "config.pbtxt").write_text(SLOW_CONFIG)
    assert_refused(tmp_path, "not ready after 2 s", model_repository=repository, start_timeout_s=2.0)


def test_a_runtime_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(StartRefused, match="run"):
        embedded(tmp_path / "run").start()


def test_a_python_without_its_shared_library(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, "LIBPYTHON", "libpython3.99.so.1.0")
    monkeypatch.setattr(installation, "BRINGS_ITS_OWN", ())
    with pytest.raises(StartRefused, match=r"(?i)libpython3\.99.*install .*libpython3"):
        installation.check_machine()


def test_this_machine_is_found_fit():
    installation.check_machine()


def test_a_port_that_was_taken_in_between(tmp_path):
    triton = embedded(tmp_path)
    taken = triton.url
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", int(taken.split(":")[1])))
        stranger.listen()
        with triton:
            assert triton.url != taken
            triton.infer()


def test_a_path_with_a_space_is_no_obstacle(tmp_path, repository):
    spaced = repository.rename(tmp_path / "my models")
    with embedded(tmp_path / "my run", model_repository=spaced) as triton:
        triton.infer()
    assert [file.name for file in (tmp_path / "my run").iterdir()] == ["triton.log"]
