import re
from importlib import metadata

import pytest

from .conftest import ROOT

LISTS = ("runtime", "embedded", "build", "dev", "benchmarks", "training")


def entries(name):
    """The requirements of requirements/NAME.txt, each with its lines joined."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def pins(name):
    return {entry.split("--hash")[0].strip() for entry in entries(name)}


def versions(name):
    return {pin.partition(" ;")[0] for pin in pins(name)}


def names(name):
    return {pin.partition("==")[0] for pin in pins(name)}


@pytest.mark.parametrize("name", LISTS)
def test_everything_is_pinned_with_hashes_and_names_no_place_to_get_it_from(name):
    found = entries(name)
    assert found
    for entry in found:
        assert re.fullmatch(r"[a-z0-9-]+==\S+( ; .+?)?(\s+--hash=sha256:[0-9a-f]{64})+", entry), entry[:200]


def test_the_sets_agree_on_every_version():
    assert versions("runtime") <= versions("dev")  # a marker may be wider there
    shared = names("build") & names("dev")
    assert {pin for pin in pins("build") if pin.partition("==")[0] in shared} <= pins("dev")
    assert not names("embedded") & names("dev")
    assert versions("runtime") <= versions("training")
    assert not {"torch", "onnx"} & (names("runtime") | names("dev"))  # neither served nor needed by the usual tests


def test_every_dependency_of_the_project_is_locked():
    required = [requirement.partition(";") for requirement in metadata.requires("liveness")]
    for extra, name in (("", "runtime"), ("training", "training")):
        wanted = {re.match(r"[\w-]+", what)[0].lower() for what, _, marker in required if _extra_in(marker) == extra}
        assert wanted
        assert wanted <= names(name)


def _extra_in(marker):
    found = re.search(r"extra == ['\"](\w+)", marker)
    return found[1] if found else ""
