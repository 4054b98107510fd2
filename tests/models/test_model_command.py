"""`liveness model`, run as an operator runs it, with a real Triton."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from frontend.embedded import EmbeddedTriton
from frontend.embedded.selfcheck import model_file, sample_crops
from frontend.errors import InvalidModel, StartRefused
from frontend.models.validation import examine
from frontend.models.versions import ModelVersions

from .onnx_files import small_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repository(tmp_path):
    """A repository that serves a small model as version 1."""
    folder = tmp_path / "models" / "anti_spoof"
    (folder / "1").mkdir(parents=True)
    shutil.copy(ROOT / "model_repository" / "anti_spoof" / "config.pbtxt", folder)
    (folder / "1" / "model.onnx").write_bytes(small_model())
    return folder.parent


@pytest.fixture
def model(tmp_path):
    """Writes a model's bytes into a file of its own."""

    def write(data: bytes) -> Path:
        file = tmp_path / "candidate.onnx"
        file.write_bytes(data)
        return file

    return write


def liveness_model(repository, *arguments):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIVENESS_")}
    return subprocess.run(
        [sys.executable, "-m", "frontend.cli", "model", *map(str, arguments)],
        env=environment | {"LIVENESS_MODEL_REPOSITORY": str(repository), "COLUMNS": "150"},
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )


def contents(repository):
    """Every path below, and what each file holds."""
    return {path.relative_to(repository): path.is_file() and path.read_bytes() for path in repository.rglob("*")}


def states(repository):
    result = liveness_model(repository, "list", "--json")
    assert result.returncode == 0, result.stderr
    return {row["version"]: row["state"] for row in json.loads(result.stdout)}


def test_an_installed_model_is_served_and_a_rollback_brings_the_old_one_back(repository, model, tmp_path):
    file = model(small_model(scale=-0.02))
    result = liveness_model(repository, "install", file)
    assert result.returncode == 0, result.stderr
    assert "Triton: answers as ONNX Runtime does" in result.stdout
    assert "version 2" in result.stdout
    assert (repository / "anti_spoof" / "2" / "model.onnx").read_bytes() == file.read_bytes()
    assert states(repository) == {1: "older", 2: "served"}
    assert served_score(repository, tmp_path) < 0.1

    assert liveness_model(repository, "rollback").returncode == 0
    assert states(repository) == {1: "served", 2: "withdrawn"}
    assert served_score(repository, tmp_path) > 0.9
    refused = liveness_model(repository, "rollback")
    assert refused.returncode == 1
    assert "no older version" in refused.stderr


def served_score(repository, tmp_path):
    """What a Triton that starts now says of a picture of medium brightness."""
    triton = EmbeddedTriton(
        model_repository=repository, model="anti_spoof", runtime_dir=tmp_path / "triton", start_timeout_s=30.0
    )
    with triton:
        return float(triton._probe.infer(sample_crops(1), 10.0)[0, 0])


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"no model at all", "cannot load it"),
        (small_model()[:200], "cannot load it"),
        (small_model(inputs=("context", "face")), "inputs are context"),
        (small_model(side=112), r"\[n, 112, 112, 3\]"),
        (small_model(output="score"), "outputs are score"),
        (small_model(batch=1), r"\[1, 128, 128, 3\]"),
        (small_model(scale=-1, last="Log"), "NaN"),
        (small_model(last="Identity"), "is the sigmoid missing"),
        (small_model(scale=0), "0.5000 for every picture"),
    ],
)
def test_what_is_no_sound_model_is_named(model, data, named):
    with pytest.raises(InvalidModel, match=named):
        examine(model(data))


def test_a_refused_model_changes_nothing(repository, model):
    before = contents(repository)
    result = liveness_model(repository, "install", model(b"no model at all"))
    assert result.returncode == 1
    assert result.stderr.startswith("liveness: ONNX Runtime")
    assert len(result.stderr.splitlines()) == 1
    assert ".incoming" not in result.stderr
    assert contents(repository) == before


@pytest.mark.parametrize("served", [b"no model at all", small_model(inputs=("context", "face"))])
def test_a_served_model_that_cannot_be_run_is_replaced(repository, model, served):
    (repository / "anti_spoof" / "1" / "model.onnx").write_bytes(served)
    result = liveness_model(repository, "install", model(small_model()))
    assert result.returncode == 0, result.stderr
    assert "on one thread, version 1 cannot be run" in result.stdout
    assert states(repository) == {1: "older", 2: "served"}


def test_a_model_that_triton_refuses_is_not_installed(repository, model):
    config = repository / "anti_spoof" / "config.pbtxt"
    config.write_text(config.read_text().replace("TYPE_FP32", "TYPE_FP64"))
    before = contents(repository)
    result = liveness_model(repository, "install", model(small_model(scale=-0.02)))
    assert result.returncode == 1
    assert "does not run in Triton" in result.stderr
    assert contents(repository) == before


def test_a_file_that_is_not_there_and_a_repository_without_a_config_are_named(repository, tmp_path):
    with (
        pytest.raises(InvalidModel, match="there is no file"),
        ModelVersions(repository / "anti_spoof").candidate(tmp_path / "absent.onnx"),
    ):
        pytest.fail("a file that is not there was copied")
    with pytest.raises(StartRefused, match="LIVENESS_MODEL_REPOSITORY"):
        ModelVersions(tmp_path)
    unreachable = liveness_model(f"/{'x' * 300}", "list")
    assert unreachable.returncode == 1
    assert unreachable.stderr == f"liveness: /{'x' * 300}/anti_spoof/config.pbtxt: File name too long\n"


def test_a_newest_version_without_a_file_is_named_for_triton_takes_no_older_one(repository):
    assert model_file(repository, "anti_spoof") == repository / "anti_spoof" / "1" / "model.onnx"
    (repository / "anti_spoof" / "10").mkdir()
    with pytest.raises(StartRefused, match=r"/10/model\.onnx"):
        model_file(repository, "anti_spoof")


def test_a_new_version_outranks_a_folder_without_a_file(repository, model):
    (repository / "anti_spoof" / "10").mkdir()
    versions = ModelVersions(repository / "anti_spoof")
    with versions.candidate(model(small_model())) as candidate:
        installed = versions.adopt(candidate)
    assert installed == versions.served()
    assert model_file(repository, "anti_spoof") == installed.file


def test_a_repository_that_cannot_be_written_is_named(repository, model, monkeypatch):
    """As another user would meet it; the superuser may write anywhere, so the folder is made a file system's root."""
    versions = ModelVersions(repository / "anti_spoof")
    monkeypatch.setattr(versions, "_folder", Path("/proc"))
    with (
        pytest.raises(StartRefused, match="cannot write into /proc"),
        versions.candidate(model(small_model())),
    ):
        pytest.fail("a candidate was made in /proc")


def test_two_installations_at_once_never_share_a_number(repository, model):
    versions = ModelVersions(repository / "anti_spoof")
    file = model(small_model())
    done = []

    def install():
        with versions.candidate(file) as candidate:
            try:
                done.append(versions.adopt(candidate).number)
            except StartRefused:
                done.append(None)

    threads = [threading.Thread(target=install) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = [number for number in done if number is not None]
    assert numbers
    assert len(numbers) == len(set(numbers))
    assert {version.number for version in versions.all()} == {1, *numbers}
    assert not list((repository / "anti_spoof").glob(".incoming-*"))


def test_a_withdrawn_number_is_not_used_again(repository, model):
    versions = ModelVersions(repository / "anti_spoof")
    file = model(small_model())
    for expected in (2, 3):
        with versions.candidate(file) as candidate:
            assert versions.adopt(candidate).number == expected
        versions.withdraw()
    with pytest.raises(InvalidModel, match="no older version"):
        versions.withdraw()
