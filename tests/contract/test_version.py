"""GET /version names what really runs."""

import hashlib
from pathlib import Path

import httpx

from frontend.settings import PROJECT_ROOT
from tests.conftest import running


def test_version(client: httpx.Client) -> None:
    version = (PROJECT_ROOT / "pyproject.toml").read_text().split('\nversion = "')[1].split('"')[0]
    model = (PROJECT_ROOT / "model_repository/anti_spoof/1/model.onnx").read_bytes()
    answer = client.get("/version")
    assert answer.status_code == 200
    assert answer.json() == {
        "service": version,
        "model": {"name": "anti_spoof", "version": "1", "sha256": hashlib.sha256(model).hexdigest()},
        "triton": "2.51.0",
    }
    assert client.get("/openapi.json").json()["info"]["version"] == version


def test_what_cannot_be_known_is_null(tmp_path: Path) -> None:
    """With no Triton there, and no model repository at hand."""
    log = tmp_path / "log"
    settings = {"triton_url": "127.0.0.1:9", "data_dir": tmp_path, "model_repository": tmp_path, "port": 0}
    with running("serve", "listening", log, **settings) as (_, ready):
        answer = httpx.get(f"{ready.split()[-1]}/version", timeout=20, trust_env=False).json()
    assert answer["model"] == {"name": "anti_spoof", "version": None, "sha256": None}
    assert answer["triton"] is None
    assert answer["service"]
