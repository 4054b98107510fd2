"""A start that cannot succeed says why, soon, and leaves nothing behind."""

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

from frontend.embedded import installation, server
from frontend.embedded.command import OUR_BACKEND
from frontend.errors import StartRefused
from tests.embedded.children import MODEL_REPOSITORY, embedded, processes_of

OLD_ONNX_RUNTIME = """
static const char version_name[] = "1.19.2";
static const void *none(unsigned asked) { return asked ? (void *)0 : version_name; }
static const char *version(void) { return version_name; }
struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {none, version};
void *OrtGetApiBase(void) { return &base; }
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


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('name: "live"', 'name: "alive"', "the config names the outputs 'alive', the model has 'live'"),
        (
            'name: "face"',
            'name: "faces"',
            "the config names the inputs 'faces', the model has 'face'",
        ),
        ("TYPE_FP32", "TYPE_FP16", "the output 'live' is TYPE_FP16, in the model it is TYPE_FP32"),
        ("TYPE_FP32", "TYPE_STRING", "'live' is TYPE_STRING; this backend takes numbers alone"),
        ('string_value: "1"', 'string_value: "many"', "_thread_count must be a whole number.* 'many'"),
        ('"model.onnx"', '"none.onnx"', "there is no model file .*/anti_spoof/1/none.onnx"),
        ('"model.onnx"', '"../1/model.onnx"', r"must be a bare file name; it is '\.\./1/model\.onnx'"),
    ],
)
def test_a_config_that_does_not_fit(tmp_path, repository, before, after, words):
    change_config(repository, before, after)
    assert_refused(tmp_path, words, model_repository=repository)


def test_a_start_that_takes_too_long(tmp_path, repository):
    (repository / "slow" / "1").mkdir(parents=True)
    os.mkfifo(repository / "slow" / "config.pbtxt")  # whose other end nobody opens
    assert_refused(tmp_path, "not ready after 2 s", model_repository=repository, start_timeout_s=2.0)


def replace_onnx_runtime(monkeypatch, file):
    found = dataclasses.replace(installation.find_installation(), onnxruntime=file)
    monkeypatch.setattr(server, "find_installation", lambda: found)


@pytest.mark.parametrize(
    ("library", "words"),
    [
        ("/nonexistent.so", "ONNX Runtime cannot be loaded: .*No such file"),
        (OUR_BACKEND, "/libonnxruntime.so is no ONNX Runtime"),
    ],
)
def test_a_wrong_onnx_runtime(tmp_path, monkeypatch, library, words):
    replace_onnx_runtime(monkeypatch, library)
    assert_refused(tmp_path, words)


def test_an_onnx_runtime_that_is_too_old(tmp_path, monkeypatch):
    (tmp_path / "old.c").write_text(OLD_ONNX_RUNTIME)
    compiler = [sys.executable, "-m", "ziglang", "cc", "-shared", "-o", "old.so", "old.c"]
    subprocess.run(compiler, cwd=tmp_path, check=True)
    replace_onnx_runtime(monkeypatch, tmp_path / "old.so")
    assert_refused(tmp_path, "is ONNX Runtime 1.19.2; 1.20 or newer is needed")


def test_a_runtime_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(StartRefused, match="run"):
        embedded(tmp_path / "run").start()


@pytest.mark.parametrize(
    ("distribution", "words"),
    [
        ("nonesuch", "nonesuch is not installed: pip install --no-deps -r requirements/x.txt"),
        ("onnxruntime", r"nonesuch\*\.so is missing: install onnxruntime again"),
    ],
)
def test_a_part_that_is_missing(distribution, words):
    with pytest.raises(StartRefused, match=words):
        installation._find(distribution, "onnxruntime/nonesuch*.so", "x.txt")


def test_this_machine_is_found_fit():
    installation.check_machine()


@pytest.mark.parametrize("which", ["url", "metrics_url"])
def test_a_port_that_was_taken_in_between(tmp_path, which):
    triton = embedded(tmp_path)
    taken = getattr(triton, which)
    with socket.socket() as stranger:
        stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        stranger.bind(("127.0.0.1", int(taken.split(":")[1])))
        stranger.listen()
        with triton:
            assert getattr(triton, which) != taken
            triton.infer()


def test_a_path_with_a_space_is_no_obstacle(tmp_path, repository):
    spaced = repository.rename(tmp_path / "my models")
    with embedded(tmp_path / "my run", model_repository=spaced) as triton:
        triton.infer()
    assert [file.name for file in (tmp_path / "my run").iterdir()] == ["triton.log"]
