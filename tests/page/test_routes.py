"""What the service serves of the page, and the guidance that the page asks for."""

import re

import httpx
import pytest

from frontend.routes.page import WEB
from tests.conftest import MakeKey, data_uri


def test_page_and_its_files_are_served_with_a_strict_policy(client: httpx.Client) -> None:
    for path in ["/", *(f"/web/{file.name}" for file in WEB.iterdir() if file.name != "index.html")]:
        answer = client.get(path)
        assert answer.status_code == 200, path
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "camera=(self)" in answer.headers["Permissions-Policy"]


def test_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    html = (WEB / "index.html").read_text()
    assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", html)
    for file in WEB.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.findall(r"(?:https?:)?//[\w-]+\.[\w.]+", text), file.name
        assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text), file.name


def test_page_is_told_the_settings_that_it_shows(client: httpx.Client) -> None:
    html = client.get("/").text
    assert 'data-live-threshold="0.5"' in html
    assert 'data-max-body-bytes="25165824"' in html
    assert "{" not in html


@pytest.mark.parametrize("name", ["index.html", "nothing.js", "..%2fsettings.py", "%2e%2e/settings.py"])
def test_nothing_else_is_served(client: httpx.Client, name: str) -> None:
    assert client.get(f"/web/{name}").status_code == 404


def test_guidance_examines_without_verdict_or_count(
    client: httpx.Client, make_key: MakeKey, portrait_jpeg: bytes
) -> None:
    hash_id = make_key(limit=1)
    for _ in range(2):
        answer = client.post("/guidance", json={"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)})
        assert answer.status_code == 200
    judged = client.post(  # the one verdict of this key is still to be had
        "/liveness?details=true", json={"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}
    ).json()
    assert answer.json() == {"details": judged["details"]}
    assert client.post("/guidance", json={"hash_id": hash_id}).status_code == 429


def test_guidance_is_refused_as_a_verdict_is(client: httpx.Client, hash_id: str) -> None:
    def ask(**body: object) -> tuple[int, dict[str, str]]:
        answer = client.post("/guidance", json=body)
        return answer.status_code, answer.json()

    assert ask(hash_id="unknown") == ask(hash_id=7) == ask() == (401, {"message": "Invalid credentials"})
    assert ask(hash_id=hash_id)[0] == 400
    assert ask(hash_id=hash_id, selfie_image="bm8gaW1hZ2U=")[0] == 400
    assert client.post("/guidance", content=b"[]").status_code == 400
    assert client.post("/guidance", content=b"x" * (1 << 20) + b"x").status_code == 413


def test_openapi_shows_the_guidance_and_not_the_page(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    statuses = sorted(map(int, paths["/guidance"]["post"]["responses"]))
    assert statuses == [200, 400, 401, 408, 413, 429, 431, 500, 503]
    assert "/" not in paths
