"""GET /version names what really runs."""

import hashlib

import httpx

from frontend.settings import PROJECT_ROOT


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
