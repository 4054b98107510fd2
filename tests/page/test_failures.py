"""Whatever goes wrong is said in plain words, with a way on."""

from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import MakeKey, Stack
from tests.page.conftest import VERDICTS, OpenPage, choose, enter_key


def expect_failure(page: Page, title: str, action: str) -> None:
    expect(page.get_by_role("heading", level=1, name=title)).to_be_focused()
    expect(page.get_by_role("button", name=action)).to_be_visible()


def test_wrong_and_missing_key_at_the_start(open_page: OpenPage) -> None:
    page = open_page()
    field, go_on = page.get_by_label("Your hash_id"), page.get_by_role("button", name="Continue")
    go_on.click()
    expect(page.get_by_role("alert")).to_have_text("Type your hash_id first.")
    field.fill("no such key")
    go_on.click()
    expect(page.get_by_role("alert")).to_contain_text("This hash_id is not valid.")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    assert page.evaluate("() => sessionStorage.length") == 0


def test_key_that_is_revoked_meanwhile(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    page.evaluate("() => sessionStorage.setItem('hash_id', 'no longer')")
    choose(page, pictures / "live.jpg", "This hash_id is not valid")
    page.get_by_role("button", name="Type another hash_id").click()
    expect(page.get_by_label("Your hash_id")).to_be_focused()


def test_limit_used_up(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    hash_id = new_key(limit=1)
    page = open_page()
    enter_key(page, hash_id)
    choose(page, pictures / "live.jpg", "A live person")
    page.get_by_role("button", name="Check another").click()
    choose(page, pictures / "live.jpg", "The limit is used up")
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Use the camera").click()  # the guidance meets it too
    expect_failure(page, "The limit is used up", "Type another hash_id")
    page.get_by_role("button", name="Type another hash_id").click()
    page.get_by_label("Your hash_id").fill(hash_id)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("The limit is used up.")


def test_service_that_cannot_judge(open_page: OpenPage, half_broken_url: str, new_key: MakeKey, pictures: Path) -> None:
    page = open_page(half_broken_url)
    enter_key(page, new_key())
    choose(page, pictures / "small.jpg", "The service is busy")
    with page.expect_response("**/liveness?details=true") as answer:
        page.get_by_role("button", name="Try again").click()
    assert answer.value.status == 503
    expect_failure(page, "The service is busy", "Try again")


def test_file_too_large(open_page: OpenPage, half_broken_url: str, new_key: MakeKey, pictures: Path) -> None:
    page = open_page(half_broken_url)
    enter_key(page, new_key())
    choose(page, pictures / "live.jpg", "The file is too large")


def test_network_away_and_back(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    page.context.set_offline(True)
    choose(page, pictures / "live.jpg", "No contact with the service")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="A live person")).to_be_focused()


def test_files_that_are_no_pictures(open_page: OpenPage, new_key: MakeKey, pictures: Path, tmp_path: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    jpeg = (pictures / "live.jpg").read_bytes()
    for name, content, title in (
        ("note.txt", b"no picture at all", "This is not a picture"),
        ("empty.jpg", b"", "This is not a picture"),
        ("IMG_0001.HEIC", b"\x00\x00\x00\x24ftypheic\x00\x00\x00\x00mif1heic", "This is a HEIC picture"),
        ("cut.jpg", jpeg[: len(jpeg) // 2], "The picture cannot be read"),
    ):
        (tmp_path / name).write_bytes(content)
        choose(page, tmp_path / name, title)
        expect(page.locator("#picture")).to_be_hidden()
        page.get_by_role("button", name="Choose another picture").click()
    choose(page, pictures / "live.jpg", "A live person")


def test_folder_that_is_dropped(open_page: OpenPage, new_key: MakeKey, tmp_path: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    session = page.context.new_cdp_session(page)
    files = {"items": [], "files": [str(tmp_path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": files})
    expect_failure(page, "This is not a picture", "Choose another picture")


ANSWERS = [
    (408, '{"error": "The request took too long."}', "The request took too long to arrive", "counted"),
    (413, "<html>", "The file is too large", "smaller picture"),
    (429, "<html>", "The service is busy", "nothing was counted"),
    (500, '{"error": "The service failed."}', "The service failed", "X-Request-ID: name-7"),
    (502, "<html>", "The service does not answer", "may have been counted"),
    (503, "<html>", "The service does not answer", "may have been counted"),
    (504, '{"message": "Timeout"}', "The service does not answer", "may have been counted"),
    (418, "<html>", "That did not work", "X-Request-ID: name-7"),
]
"""Answers of the service and of proxies before it: status, body, and what the page says."""


def test_answers_without_a_verdict(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    for status, body, title, text in ANSWERS:
        fulfilled = partial(Route.fulfill, status=status, body=body, headers={"X-Request-ID": "name-7"})
        page.route(VERDICTS, fulfilled)
        choose(page, pictures / "small.jpg", title)
        expect(page.locator("#failure-text")).to_contain_text(text)
        page.locator("#failure-back, #failure-action").locator("visible=true").last.click()
    page.get_by_role("button", name="Change hash_id").click()
    page.route("**/guidance", lambda route: route.fulfill(status=429, body='{"error": "Too many failed …"}'))
    page.get_by_label("Your hash_id").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("but the right one at any time.")


@pytest.mark.parametrize(
    ("switches", "permissions", "host", "title"),
    [
        (("--use-fake-device-for-media-stream", "--deny-permission-prompts"), [], "", "The camera is not allowed"),
        ((), ["camera"], "", "No camera was found"),
        (
            ("--host-resolver-rules=MAP liveness.test 127.0.0.1",),
            [],
            "liveness.test",
            "The camera needs a secure address",
        ),
    ],
)
def test_camera_that_cannot_be_used(
    open_page: OpenPage,
    new_key: MakeKey,
    stack: Stack,
    pictures: Path,
    switches: tuple[str, ...],
    permissions: list[str],
    host: str,
    title: str,
) -> None:
    url = stack.url.replace("127.0.0.1", host) if host else stack.url
    page = open_page(url, camera=None, switches=switches, permissions=permissions)
    enter_key(page, new_key())
    page.get_by_role("button", name="Use the camera").click()
    expect_failure(page, title, "Choose a photograph")
    page.get_by_role("button", name="Choose a photograph").click()
    choose(page, pictures / "live.jpg", "A live person")
