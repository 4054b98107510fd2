"""The manifests as an operator gets them: file by file, and built by kustomize."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

Manifest = dict[str, Any]
ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "compose/kubernetes"
OVERLAYS = sorted(folder.name for folder in (KUBERNETES / "overlays").iterdir())


def documents(file: Path) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(file.read_text()) if document]


def base() -> list[Manifest]:
    """Every manifest of the base and of the components, before kustomize."""
    files = [*(KUBERNETES / "base").glob("*.yaml"), *(KUBERNETES / "components").glob("*/*.yaml")]
    return [d for file in sorted(files) if file.name != "kustomization.yaml" for d in documents(file)]


def kustomize() -> list[str]:
    """The command that builds an overlay, or nothing where there is none."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    tried = (
        subprocess.run(["kubectl", "kustomize", "--help"], capture_output=True, check=False)
        if shutil.which("kubectl")
        else None
    )
    return ["kubectl", "kustomize"] if tried and tried.returncode == 0 else []


@pytest.fixture(scope="session", params=OVERLAYS)
def built(request: pytest.FixtureRequest) -> list[Manifest]:
    """An overlay as it is applied."""
    command = kustomize()
    if not command:
        pytest.skip("there is neither kustomize nor kubectl on this machine; the base is checked file by file")
    done = subprocess.run(
        [*command, str(KUBERNETES / "overlays" / request.param)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(manifests: list[Manifest], kind: str) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in manifests if m["kind"] == kind}
