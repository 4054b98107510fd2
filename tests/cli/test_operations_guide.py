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


def test_compose_file_passes_every_setting_on() -> None:
    frontend = (COMPOSE / "compose.yaml").read_text().split("\n  frontend:")[1].split("\n  proxy:")[0]
    passed = set(re.findall(r"^ {6}LIVENESS_(\w+):", frontend, re.MULTILINE))
    wanted = {name.upper() for name in Settings.model_fields if name not in OF_THE_EMBEDDED_STACK}
    assert passed == wanted


def test_guide_lists_every_variable_of_the_compose_files() -> None:
    text = "".join(file.read_text() for file in COMPOSE.glob("compose*.yaml"))
    used = set(re.findall(r"\$\{(\w+)", text))
    guide = GUIDE.read_text()
    assert not [name for name in sorted(used) if f"`{name}`" not in guide]
