"""By keyboard, by screen reader, on a phone, in light and dark."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.conftest import MakeKey
from tests.page.conftest import OpenPage, choose, enter_key

NAMED_ROLES = {"button", "link", "textbox", "image", "region", "status", "heading", "navigation", "Video"}

CONTRAST_JS = """() => {
    const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
    const luminance = ([r, g, b]) => {
        const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const ground = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const colour = parse(getComputedStyle(e).backgroundColor);
            if (colour.length === 3 || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== "");
        if (!own || !element.checkVisibility() || element.closest(".stage, .unseen, title, noscript")) continue;
        const style = getComputedStyle(element);
        const [a, b] = [parse(element.closest("svg") ? style.fill : style.color), ground(element)].map(luminance);
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        found.push([element.textContent.trim().slice(0, 40), Math.round(contrast * 100) / 100]);
    }
    return found;
}"""


def states(page: Page, hash_id: str, pictures: Path) -> Iterator[str]:
    """Lead the page through its states."""
    yield "key"
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    yield "key missing"
    enter_key(page, hash_id)
    yield "choose"
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#checks .met")).to_have_count(4)
    yield "camera"
    page.get_by_role("button", name="Take the picture").click()
    expect(page.get_by_role("heading", name="A live person")).to_be_visible()
    yield "live"
    for picture, headline in (("screen", "Not a live person"), ("coffee", "No face found")):
        page.get_by_role("button", name="Check another").click()
        choose(page, pictures / f"{picture}.jpg", headline)
        yield picture
    page.get_by_role("button", name="Check another").click()
    page.context.set_offline(True)
    choose(page, pictures / "live.jpg", "No contact with the service")
    yield "failure"


def unnamed(page: Page) -> list[str]:
    """What a screen reader would meet without a name."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    session.detach()
    return [
        node["role"]["value"]
        for node in nodes
        if not node.get("ignored")
        and node["role"]["value"] in NAMED_ROLES - {"status"}
        and not node.get("name", {}).get("value", "").strip()
    ]


@pytest.mark.parametrize(("scheme", "width", "height"), [("light", 1280, 800), ("dark", 320, 640)])
def test_every_state_can_be_read(
    open_page: OpenPage, new_key: MakeKey, pictures: Path, scheme: str, width: int, height: int
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": height})
    for state in states(page, new_key(), pictures):
        assert not unnamed(page), state
        contrasts = page.evaluate(CONTRAST_JS)
        assert len(contrasts) > 4
        assert not [pair for pair in contrasts if pair[1] < 4.5], state
        assert page.locator("h1:visible").count() == 1, state
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), state
        assert not page.evaluate("() => document.getAnimations().length"), state


def test_by_keyboard_alone(open_page: OpenPage, new_key: MakeKey) -> None:
    page = open_page()
    page.on("filechooser", lambda _: None)  # from here on the browser asks us, not the desktop

    def tab_to(name: str) -> None:
        for _ in range(12):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            if name in (
                focused.get_attribute("aria-label") or "",
                focused.inner_text().strip(),
                focused.get_attribute("id"),
            ):
                assert focused.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
                return
        pytest.fail(f"Tab does not lead to {name}")

    tab_to("Skip to the check")
    page.keyboard.press("Enter")
    tab_to("hash-id")
    page.keyboard.type(new_key())
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Show a face")).to_be_focused()
    tab_to("Use the camera")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Take the picture")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="A live person")).to_be_focused()
    tab_to("Check another")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Show a face")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#file")).to_be_focused()
    with page.expect_file_chooser():
        page.keyboard.press("Enter")


def test_what_is_met_stands_out_in_the_colours_of_the_system(open_page: OpenPage) -> None:
    page = open_page(forced_colors="active")
    widths = page.evaluate(
        """() => {
            const items = [...document.querySelectorAll("#checks li")].slice(0, 2);
            items[0].classList.add("met");
            return items.map((item) => getComputedStyle(item, "::before").borderTopWidth);
        }"""
    )
    assert widths == ["8px", "2px"]
