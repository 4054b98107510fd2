"""Changing how the model is served: for the benchmark, and by `liveness tune`."""

import os
import shutil
import subprocess
import sys

import pytest

from benchmarks.triton.variants import Variant, write_variant
from frontend.cli.tune import Choice, Measured, _write, best_of, choices_for
from frontend.embedded import EmbeddedTriton
from frontend.errors import StartRefused
from frontend.model_config import instances_in, with_instances
from frontend.settings import Settings

from .commands import ROOT

MODEL = ROOT / "model_repository" / "anti_spoof"
CONFIG = (MODEL / "config.pbtxt").read_text()


@pytest.fixture
def repository(tmp_path):
    """A copy that may be written to, with an instance count that nothing would choose."""
    shutil.copytree(MODEL, tmp_path / "models" / MODEL.name)
    (tmp_path / "models" / MODEL.name / "config.pbtxt").write_text(with_instances(CONFIG, 37, 1))
    return tmp_path / "models"


def test_only_the_two_numbers_change():
    changed = with_instances(CONFIG, 7, 3)
    assert instances_in(changed) == (7, 3)
    assert with_instances(changed, *instances_in(CONFIG)) == CONFIG
    assert changed.count("#") == CONFIG.count("#") > 0


@pytest.mark.parametrize(
    "text", ["", CONFIG.replace("count:", "gpus:"), CONFIG.replace("intra_op", "other"), CONFIG * 2]
)
def test_a_config_that_sets_them_in_no_known_way_is_refused(text):
    with pytest.raises(StartRefused, match=r"config\.pbtxt"):
        with_instances(text, 1, 1)


@pytest.mark.parametrize("batching", ["off", "delay"])
def test_triton_serves_every_kind_of_batching(tmp_path, batching):
    repository = write_variant(Variant(1, 1, batching), MODEL, tmp_path)
    config = (repository / MODEL.name / "config.pbtxt").read_text()
    assert ("dynamic_batching" in config) == (batching == "delay")
    with EmbeddedTriton(model_repository=repository, model=MODEL.name, runtime_dir=tmp_path, start_timeout_s=20):
        pass  # it starts only if it answers as the model does


def test_tune_writes_its_choice_and_nothing_else(repository):
    said = subprocess.run(
        [sys.executable, "-m", "frontend.cli", "tune", "--cores", "1", "--rounds", "1", "--seconds", "0.2"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=os.environ | {"LIVENESS_MODEL_REPOSITORY": str(repository)},
    ).stdout
    config = repository / MODEL.name / "config.pbtxt"
    assert instances_in(config.read_text()) in {(1, 1), (2, 1)}
    assert with_instances(config.read_text(), *instances_in(CONFIG)) == CONFIG
    assert "written to" in said
    assert [file.name for file in config.parent.iterdir() if file.name.startswith("config")] == ["config.pbtxt"]


def test_a_config_that_triton_refuses_is_taken_back(repository):
    config = repository / MODEL.name / "config.pbtxt"
    before = config.read_text()
    with pytest.raises(StartRefused):
        _write(Settings(model_repository=repository), config, before, Choice(1, -1))
    assert config.read_text() == before


def test_of_choices_as_good_as_each_other_the_plainest_is_taken():
    plain, many, slow = Choice(2, 1), Choice(4, 1), Choice(1, 1)
    rates = {plain: 98.0, many: 100.0, slow: 60.0}
    assert best_of({choice: Measured(rate, 1.0) for choice, rate in rates.items()}) == plain


@pytest.mark.parametrize("cores", [1, 2, 3, 16])
def test_choices_never_exceed_the_cores_but_for_one(cores):
    choices = choices_for(cores)
    assert Choice(cores, 1) in choices
    assert [c for c in choices if c.instances * c.threads > cores] == [Choice(2 * cores, 1)]
