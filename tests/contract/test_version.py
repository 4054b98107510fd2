"""GET /version names what really runs."""

import asyncio
import hashlib

import httpx
import psutil

from frontend.settings import PROJECT_ROOT
from tests.conftest import Stack, within


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


def test_many_who_ask_at_once_leave_no_connections_behind(stack: Stack, client: httpx.Client) -> None:
    expected = client.get("/version").json()
    service = psutil.Process(stack.process.pid)
    before = service.num_fds()

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=stack.url, timeout=30) as http:
            return list(await asyncio.gather(*(http.get("/version") for _ in range(60))))

    assert all(answer.json() == expected for answer in asyncio.run(ask()))
    assert within(5, lambda: service.num_fds() < before + 10)
