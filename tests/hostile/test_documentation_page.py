"""The documentation under its Content-Security-Policy, in a real browser."""

import shutil

import pytest

from tests.conftest import Stack

playwright = pytest.importorskip("playwright.sync_api")


def test_it_works_and_breaks_no_rule_of_its_policy(target: Stack) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no Chromium here")
    said: list[str] = []
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{target.url}/docs")
        page.get_by_text("Judge a selfie: a live person").wait_for(timeout=30_000)
        broken_by_itself = [text for text in said if "Content Security Policy" in text]
        page.evaluate(
            "() => { const script = document.createElement('script'); script.textContent = 'window.intruded = 1';"
            " document.head.appendChild(script) }"
        )
        intruded = page.evaluate("() => window.intruded === 1")
        browser.close()
    assert not broken_by_itself
    assert not intruded
