import re
from importlib import metadata

import pytest

from .conftest import ROOT

LISTS = ("runtime", "embedded", "build", "dev", "benchmarks")


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


def test_every_dependency_of_the_project_is_locked():
    wanted = {re.match(r"[\w-]+", requirement)[0].lower() for requirement in metadata.requires("liveness")}
    assert wanted
    assert wanted <= names("runtime")
