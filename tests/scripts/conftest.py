"""A small project for scripts/: the real scripts, one tiny locked wheel, a command that tells how it was called."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "cat", "cut", "dirname", "find", "flock", "grep", "mkdir", "rm", "sed", "sha256sum", "tail")

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

# The least that PEP 660 asks of a build backend: nothing has to be downloaded for it.
BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "liveness-0.1.0-py3-none-any.whl"
    info = "liveness-0.1.0.dist-info/"
    files = {
        "command.py": '''
import os, sys
def main():
    print("liveness", *sys.argv[1:], os.getpid(), os.getcwd())
''',
        info + "entry_points.txt": "[console_scripts]\\nliveness = command:main\\n",
        info + "METADATA": "Metadata-Version: 2.1\\nName: liveness\\nVersion: 0.1.0\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }
    files[info + "RECORD"] = "".join(path + ",,\\n" for path in [*files, info + "RECORD"])
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name

build_editable = build_wheel
"""


def tiny_wheel(folder: Path) -> str:
    """Write tiny-1.0 into `folder`; returns the line that locks it."""
    files = {
        "tiny.py": b"",
        "tiny-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "tiny-1.0.dist-info/RECORD,,\n"
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
        archive.writestr("tiny-1.0.dist-info/RECORD", record)
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


class Project:
    """A folder with scripts/ as shipped, and a machine that has only the tools that are linked into `bin`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.bin = folder / "bin"
        wheels = folder / "wheels"
        for new in (self.root / "requirements", self.bin, wheels, folder / "home"):
            new.mkdir(parents=True)
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        (self.root / "pyproject.toml").write_text(PYPROJECT)
        (self.root / "backend.py").write_text(BACKEND)
        locked = tiny_wheel(wheels)
        for name in ("runtime", "benchmarks", "dev", "build", "embedded"):
            (self.root / "requirements" / f"{name}.txt").write_text(locked)
        # `env` is named by its path in the first line of each script.
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        self.environment = {
            "PATH": str(self.bin),
            "HOME": str(folder / "home"),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(wheels),
            "UV_NO_CONFIG": "1",
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(wheels),
        }

    def python(self, name: str, before: str = "") -> None:
        """Put this test's Python on PATH as `name`; `before` is what it executes ahead of the script it is given."""
        real = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        wrapper = self.bin / name
        if not before:
            wrapper.symlink_to(real)
            return
        code = f"import runpy, sys; {before}; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
        wrapper.write_text(f'#!{shutil.which("bash")}\nshift\nexec {real} -I -c "{code}" "$@"\n')
        wrapper.chmod(0o755)

    def popen(self, *arguments: str, start_new_session: bool = False, **environment: str) -> "subprocess.Popen[str]":
        """Start scripts/run."""
        return subprocess.Popen(
            [self.root / "scripts" / "run", *arguments],
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=start_new_session,
        )

    def run(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Start scripts/run and wait for its end."""
        with self.popen(*arguments, **environment) as process:
            out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.pid, process.returncode, out, err)

    def shell(self, command: str) -> int:
        """The exit status of `command`, which uses the functions of scripts/lib/venv.sh."""
        source = f'source "{self.root}/scripts/lib/venv.sh"; {command}'
        return subprocess.run([self.bin / "bash", "-c", source], env=self.environment, check=False).returncode


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)
