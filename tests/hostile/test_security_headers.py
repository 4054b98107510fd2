"""What answers tell browsers, and that the documentation works under it."""

import asyncio
import re

import httpx
import pytest

from frontend.app import create_app
from frontend.routes.answers import FAULT
from frontend.routes.security_headers import SECURITY_HEADERS
from frontend.settings import Settings
from tests.conftest import Stack


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/liveness"),
        ("GET", "/liveness"),
        ("GET", "/status_check"),
        ("GET", "/readyz"),
        ("GET", "/healthz"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/static-offline-docs/swagger-ui.css"),
        ("GET", "/nowhere"),
        ("OPTIONS", "/liveness"),
    ],
)
def test_every_answer_carries_them_and_opens_to_no_other_origin(target: Stack, method: str, path: str) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.request(method, target.url + path, headers=asked, timeout=30)
    own = {"Content-Security-Policy"} if path == "/docs" else set()
    for name in SECURITY_HEADERS.keys() - own:
        assert answer.headers.get_list(name) == [SECURITY_HEADERS[name]]
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert "server" not in answer.headers


def test_the_documentation_page_may_run_its_own_scripts_alone(target: Stack) -> None:
    page = httpx.get(f"{target.url}/docs")
    (policy,) = page.headers.get_list("Content-Security-Policy")
    directives = dict(part.strip().partition(" ")[::2] for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert re.fullmatch(r"'self' 'sha256-[A-Za-z0-9+/]{43}='", directives["script-src"])
    assert directives["frame-ancestors"] == "'none'"


def test_a_fault_of_ours_is_answered_in_our_own_form_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(Settings())

    @app.get("/fault")
    async def fault() -> None:
        raise ZeroDivisionError("of this test")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/fault", headers={"X-Request-ID": "order-1019"})

    with caplog.at_level("INFO"):
        answer = asyncio.run(ask())
    assert (answer.status_code, answer.json()) == (500, FAULT.body)
    assert answer.headers["X-Request-ID"] == "order-1019"
    for name, content in SECURITY_HEADERS.items():
        assert answer.headers.get_list(name) == [content]
    assert "of this test" not in answer.text
    assert [record.fields["request_id"] for record in caplog.records if hasattr(record, "fields")] == ["order-1019"]
