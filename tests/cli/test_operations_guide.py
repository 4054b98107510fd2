"""docs/operations.md and compose/compose.yaml know every setting."""

import re
from pathlib import Path

from pydantic_core import PydanticUndefined

from frontend.settings import Settings

COMPOSE = Path(__file__).parents[2] / "compose"
GUIDE = COMPOSE.parent / "docs" / "operations.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"
OF_THE_EMBEDDED_STACK = {"triton_start_timeout_s"}
SHOWN = {
    "calibration": "",
    "data_dir": "`var` in the project",
    "decode_threads": "the usable cores",
    "keys_url": "",
    "max_in_flight": "of one process 32, of several 16",
    "triton_url": "",
}
"""Defaults that depend on the machine, or are empty."""


def settings_table() -> str:
    """The table as the guide holds it."""
    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = SHOWN.get(name)
        if default is None:
            default = f"`{field.default}`"
            if name == "model_repository":
                default = "`model_repository` in the project"
            assert field.default is not PydanticUndefined
        rows.append(f"| `LIVENESS_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows) + "\n"


def test_guide_lists_every_setting_with_its_default() -> None:
    written = GUIDE.read_text().split(BEGIN)[1].split(END)[0]
    assert written == settings_table()


def passed_on(file: str, in_other_ways: set[str]) -> set[str]:
    """Settings that this file hands to the frontend, those `in_other_ways` among them."""
    frontend = (COMPOSE / file).read_text().split("\n  frontend:")[1].split("\n  proxy:")[0]
    return {name.lower() for name in re.findall(r"^ {6}LIVENESS_(\w+):", frontend, re.MULTILINE)} | in_other_ways


def test_compose_file_passes_every_setting_on() -> None:
    assert passed_on("compose.yaml", OF_THE_EMBEDDED_STACK) == set(Settings.model_fields)


def test_stack_file_passes_every_setting_on() -> None:
    secret_and_not_there = {"keys_url", "model_repository"}
    assert passed_on("stack.yaml", OF_THE_EMBEDDED_STACK | secret_and_not_there) == set(Settings.model_fields)


def test_guide_lists_every_variable_of_the_compose_files() -> None:
    text = "".join(file.read_text() for file in COMPOSE.glob("compose*.yaml"))
    used = set(re.findall(r"\$\{(\w+)", text))
    guide = GUIDE.read_text()
    assert not [name for name in sorted(used) if f"`{name}`" not in guide]
