"""What is abandoned, hangs or is lost: nothing comes back later, nothing waits for ever, nothing untrue is said."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.conftest import MakeKey
from tests.page.conftest import VERDICTS, OpenPage, choose, enter_key
from tests.page.test_access import CONTRAST_JS

DEAF_FETCH_JS = "const plain = fetch; window.fetch = (url, { signal, ...rest }) => plain(url, rest);"
"""A request cannot be ended, so that its answer does come late."""


def hold(page: Page, pattern: str) -> list[Route]:
    """Leave such requests without an answer; the list grows by them."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    return held


def expect_choice(page: Page) -> None:
    expect(page.get_by_role("heading", name="Show a face")).to_be_focused()


def expect_running_camera(page: Page) -> None:
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("button", name="Take the picture")).to_be_enabled()


def test_verdict_that_nobody_waits_for_is_dropped(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    page.evaluate(f"() => {{ {DEAF_FETCH_JS} }}")
    held = hold(page, VERDICTS)

    def judge_and_leave(button: str) -> None:
        page.locator("#file").set_input_files(pictures / "live.jpg")
        expect(page.get_by_role("heading", name="Judging the picture …")).to_be_focused()
        page.get_by_role("button", name=button).click()

    def answer_late() -> None:
        with page.expect_event("requestfinished"):
            held.pop().continue_()
        page.wait_for_timeout(200)

    enter_key(page, new_key())
    judge_and_leave("Cancel")
    answer_late()
    expect_choice(page)
    judge_and_leave("Change hash_id")
    field = page.get_by_label("Your hash_id")
    field.fill("half of a k")
    answer_late()
    expect(field).to_be_focused()
    expect(field).to_have_value("half of a k")


def test_verdict_that_is_cancelled_is_not_waited_for(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    hold(page, VERDICTS)
    page.locator("#file").set_input_files(pictures / "live.jpg")
    with page.expect_event("requestfailed"):
        page.get_by_role("button", name="Cancel").click()
    expect_choice(page)


def test_answer_that_is_lost_may_have_counted(
    open_page: OpenPage, new_key: MakeKey, pictures: Path, used: Callable[[str], int]
) -> None:
    hash_id = new_key()
    page = open_page()
    enter_key(page, hash_id)

    def lose(route: Route) -> None:
        assert route.fetch().status == 201
        route.abort()

    page.route(VERDICTS, lose)
    choose(page, pictures / "live.jpg", "No contact with the service")
    expect(page.locator("#failure-text")).to_contain_text("its verdict may have been counted")
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(used, hash_id).result() == 1


def test_service_that_hangs(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    hash_id = new_key()
    page = open_page(color_scheme="dark")
    page.clock.install()
    asked = hold(page, "**/guidance")
    field, go_on = page.get_by_label("Your hash_id"), page.locator("#continue")
    field.fill(hash_id)
    go_on.click()
    expect(go_on).to_have_text("Checking …")
    expect(go_on).to_be_disabled()
    expect(page.get_by_text("Checking the hash_id.")).to_be_attached()
    field.press("Enter")
    assert not [pair for pair in page.evaluate(CONTRAST_JS) if pair[1] < 4.5]  # the pointer is on the disabled button
    page.clock.fast_forward(61_000)
    expect(page.get_by_role("alert")).to_contain_text("No contact with the service.")
    expect(page.get_by_role("alert")).not_to_contain_text("counted")
    expect(field).to_be_focused()
    assert len(asked) == 1

    field.press("Space")
    expect(page.get_by_role("alert")).to_be_hidden()
    expect(field).to_have_attribute("aria-invalid", "false")
    go_on.click()
    expect(go_on).to_have_text("Checking …")
    field.press("Space")
    expect(go_on).to_have_text("Continue")  # a key that is typed on is another one
    expect(go_on).to_be_enabled()

    page.unroute("**/guidance")
    enter_key(page, hash_id)
    hold(page, VERDICTS)
    page.locator("#file").set_input_files(pictures / "live.jpg")
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    page.clock.fast_forward(61_000)
    expect(page.get_by_role("heading", name="No contact with the service")).to_be_focused()


def test_camera_that_ends(open_page: OpenPage, new_key: MakeKey) -> None:
    page = open_page()
    enter_key(page, new_key())
    expect_running_camera(page)
    page.evaluate("video.srcObject.getTracks()[0].dispatchEvent(new Event('ended'))")  # as when it is unplugged
    expect(page.get_by_role("heading", name="The camera has stopped")).to_be_focused()
    page.get_by_role("button", name="Choose a photograph").click()
    expect_running_camera(page)
    for event in ("pagehide", "pageshow"):  # as when another page is opened and left again by Back
        page.evaluate("(name) => dispatchEvent(new PageTransitionEvent(name, { persisted: true }))", event)
    expect_choice(page)
    expect_running_camera(page)


def test_camera_that_is_left(open_page: OpenPage, new_key: MakeKey) -> None:
    page = open_page()
    judged: list[str] = []
    page.on("request", lambda request: judged.append(request.url) if re.search(r"/liveness", request.url) else None)
    enter_key(page, new_key())
    expect_running_camera(page)
    page.evaluate("document.getElementById('take').click(); document.getElementById('leave-camera').click()")
    page.wait_for_timeout(300)
    expect_choice(page)
    assert not judged

    page.evaluate(
        """() => navigator.mediaDevices.getUserMedia = () => new Promise((resolve, reject) => {
            window.allow = () => resolve(window.late = document.createElement("canvas").captureStream());
            window.refuse = () => reject(new DOMException("", "NotAllowedError"));
        })"""
    )
    for decision in ("refuse", "allow"):
        page.get_by_role("button", name="Use the camera").click()
        page.get_by_role("button", name="Cancel").click()
        page.evaluate(f"{decision}()")
        page.wait_for_timeout(100)
        expect_choice(page)
    assert page.evaluate("late.getTracks()[0].readyState") == "ended"


def test_browser_that_may_keep_nothing(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    page.add_init_script(  # as where all cookies are blocked
        "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('', 'SecurityError'); } })"
    )
    page.reload()
    enter_key(page, new_key())
    choose(page, pictures / "live.jpg", "A live person")
    page.get_by_role("button", name="Change hash_id").click()
    expect(page.get_by_label("Your hash_id")).to_be_focused()
