"""A setting that would let others in refuses the start by name, and by name it can be accepted."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from frontend.errors import StartRefused
from frontend.safety import refuse_insecure
from frontend.settings import Settings
from tests.conftest import environment

INSECURE = [
    ("plain-http", "LIVENESS_HOST", {"host": "0.0.0.0"}),  # noqa: S104
    ("plain-http", "LIVENESS_HOST", {"host": "::"}),
    ("plain-http", "LIVENESS_HOST", {"host": "192.168.1.5"}),
    ("plain-http", "LIVENESS_HOST", {"host": "liveness.internal"}),
    ("plain-keys", "LIVENESS_KEYS_URL", {"keys_url": "mongodb://user:secret@10.0.0.9:27017/liveness"}),
    ("plain-keys", "LIVENESS_KEYS_URL", {"keys_url": "mongodb://127.0.0.1,mongo2:27017/liveness?tls=false"}),
    ("plain-keys", "LIVENESS_KEYS_URL", {"keys_url": "mongodb://[::1]:27017,[2001:db8::9]:27017/liveness"}),
    ("plain-keys", "LIVENESS_KEYS_URL", {"keys_url": "mongodb+srv://user:secret@cluster.internal/?tls=false"}),
    ("plain-keys", "LIVENESS_KEYS_URL", {"keys_url": "mongodb+srv://cluster.internal/x?authSource=admin&SSL=false"}),
    ("plain-keys", "LIVENESS_KEYS_URL", {"keys_url": "mongodb+srv://cluster.internal/x?authSource=admin;tls=false"}),
    ("public-triton", "LIVENESS_TRITON_URL", {"triton_url": "8.8.8.8:8000"}),
    ("public-triton", "LIVENESS_TRITON_URL", {"triton_url": "8.8.8.8:8000,10.1.2.3:8000"}),
    ("public-triton", "LIVENESS_TRITON_URL", {"triton_url": "[2606:4700:4700::1111]:8000"}),
    ("readable-data", "LIVENESS_DATA_DIR", {}),
]
SECURE: list[dict[str, object]] = [
    {"host": "127.0.0.1"},
    {"host": "::1"},
    {"host": "localhost"},
    {"keys_url": "mongodb://user:secret@127.0.0.1:27017/liveness"},
    {"keys_url": "mongodb://user:secret@10.0.0.9/liveness?authSource=admin&tls=true"},
    {"keys_url": "mongodb://user:secret@10.0.0.9/liveness?authSource=admin;ssl=true"},
    {"keys_url": "mongodb://[::1]/liveness"},
    {"keys_url": "mongodb://user:secret@[::1]:27017,127.0.0.1,localhost:27018/liveness"},
    {"keys_url": "mongodb+srv://user:secret@cluster.internal/liveness"},
    {"keys_url": "mongodb+srv://user:secret@cluster.internal/liveness?tls=true"},
    {"triton_url": "127.0.0.1:8000"},
    {"triton_url": "10.1.2.3:8000"},
    {"triton_url": "triton.invalid:8000"},
]


def settings_with(tmp_path: Path, risk: str, given: dict[str, object], **others: object) -> Settings:
    data_dir = tmp_path / "data"
    data_dir.mkdir(mode=0o700, exist_ok=True)
    data_dir.chmod(0o755 if risk == "readable-data" else 0o700)
    return Settings(**({"data_dir": data_dir} | given | others))  # type: ignore[arg-type]


@pytest.mark.parametrize(("risk", "variable", "given"), INSECURE)
def test_insecure_settings_are_refused_by_name(
    tmp_path: Path, risk: str, variable: str, given: dict[str, object]
) -> None:
    with pytest.raises(StartRefused) as refusal:
        refuse_insecure(settings_with(tmp_path, risk, given))
    assert variable in str(refusal.value)
    assert f"LIVENESS_ACCEPTED_RISKS={risk}" in str(refusal.value)
    assert "secret" not in str(refusal.value)
    refuse_insecure(settings_with(tmp_path, risk, given, accepted_risks=f"public-triton, {risk}"))


@pytest.mark.parametrize("given", SECURE, ids=str)
def test_secure_ones_are_not(tmp_path: Path, given: dict[str, object]) -> None:
    refuse_insecure(settings_with(tmp_path, "", given))


@pytest.mark.parametrize(
    "given", [{"accepted_risks": "plain-http,everything"}, {"trusted_proxies": "*"}, {"trusted_proxies": "10.0.0.0/33"}]
)
def test_what_cannot_be_accepted_or_trusted_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Settings(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", ["up", "serve"])
def test_the_commands_refuse_them_in_one_line(tmp_path: Path, command: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "frontend.cli", command],
        env=environment(host="0.0.0.0", port=0, data_dir=tmp_path),  # noqa: S104
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 1
    line = [line for line in run.stderr.splitlines() if line.startswith("liveness: insecure setting: LIVENESS_HOST=")]
    assert len(line) == 1
    assert "Traceback" not in run.stderr
