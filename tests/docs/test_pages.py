"""What the documentation names is there: files, anchors, commands, options, settings; and it builds."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from markdown.extensions.toc import slugify

from frontend.cli import command_line
from frontend.settings import Settings
from tests.docs.pages import ROOT, code_spans, pages, shell_blocks, shell_commands, without_code

PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in pages()]
OF_THE_SCRIPTS = {"LIVENESS_PYTHON", "LIVENESS_NAME", "LIVENESS_HASH_ID"}


def test_site_builds_without_a_warning(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    site = "".join(page.read_text() for page in (tmp_path / "site").rglob("*.html"))
    assert re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="http[^"]+', site) == []
    assert re.findall(r'<link[^>]*stylesheet[^>]*href="http[^"]+', site) == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if re.match(r"(https?|mailto):", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), flags=re.MULTILINE)
    return {slugify(heading.replace("`", ""), "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_exist(page: Path) -> None:
    text = page.read_text()
    unknown = []
    for line in [*shell_commands(text), *code_spans(text)]:
        for words in re.findall(r"(?:^|(?<!-n)[\s/])liveness ([a-z][^|;&>`)]*)", line):  # -n is kubectl's namespace
            unknown += [f"{line!r}: {problem}" for problem in problems_of(words)]
        unknown += [
            f"{line!r}: no {script}"
            for script in re.findall(r"(?<![\w/.])(scripts/[\w.-]+)", line)
            if not (ROOT / script).is_file()
        ]
    assert unknown == []


def problems_of(words: str) -> list[str]:
    """What of `liveness WORDS` the command line would not know."""
    try:
        parts = shlex.split(words)
    except ValueError:
        parts = words.split()
    command = typer.main.get_command(command_line())
    while (commands := getattr(command, "commands", None)) and parts and parts[0][0].isalpha():
        name = parts.pop(0).rstrip(",.:")
        if name not in commands:
            return [f"no command {name}"]
        command = commands[name]
    options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    used = {part.partition("=")[0] for part in parts if part.startswith("--") and len(part) > 2}
    return [f"no option {option}" for option in sorted(used - options - {"--help"})]


@pytest.mark.parametrize("page", PAGES)
def test_settings_exist(page: Path) -> None:
    named = set(re.findall(r"\bLIVENESS_[A-Z0-9_]*[A-Z0-9]\b", page.read_text()))
    compose_files = "".join(file.read_text() for file in (ROOT / "compose").rglob("*.yaml"))
    in_compose = re.findall(r"\b(LIVENESS_\w+)", compose_files)
    known = {f"LIVENESS_{name.upper()}" for name in Settings.model_fields} | OF_THE_SCRIPTS | set(in_compose)
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES)
def test_shell_blocks_are_valid_shell(page: Path) -> None:
    for block in shell_blocks(page.read_text()):
        checked = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, f"{block}{checked.stderr}"
