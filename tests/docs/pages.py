"""The project's Markdown files, and what is written in them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pages() -> list[Path]:
    """Every Markdown file that git knows or would add."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    return [ROOT / name for name in subprocess.check_output(listed, cwd=ROOT, text=True).split()]


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def shell_blocks(text: str) -> list[str]:
    """What stands in ```sh fences."""
    return re.findall(r"^```(?:sh|bash)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def code_spans(text: str) -> list[str]:
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", without_code(text))


def shell_commands(text: str) -> list[str]:
    """Each command line of the shell blocks, without comments, with its continuations joined."""
    joined = "\n".join(shell_blocks(text)).replace("\\\n", " ")
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line]
