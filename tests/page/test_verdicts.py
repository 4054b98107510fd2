"""From the key to the verdict, in a real browser."""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.conftest import MakeKey
from tests.page.conftest import VERDICTS, OpenPage, choose, enter_key


def shown_answer(page: Page) -> dict:
    status, _, body = page.locator("#answer").inner_text().partition("\n")
    assert status == "201"
    return json.loads(body)


def expect_checks(page: Page, **met: bool) -> None:
    for name, is_met in met.items():
        state = "yes" if is_met else "not yet"
        expect(page.locator(f'[data-check="{name}"]')).to_have_text(re.compile(f": {state}$"))


def test_selfie_with_the_camera(open_page: OpenPage, new_key: MakeKey, used: Callable[[str], int]) -> None:
    hash_id = new_key(limit=5)
    page = open_page()
    enter_key(page, hash_id)
    page.get_by_role("button", name="Use the camera").click()
    expect(page.locator("#guidance")).to_have_text("Good. Hold still, and take the picture.")
    expect_checks(page, found=True, centred=True, near=True, light=True)
    take = page.get_by_role("button", name="Take the picture")
    expect(take).to_be_focused()  # guidance moves no focus
    take.click()
    expect(page.get_by_role("heading", name="A live person")).to_be_focused()
    answer = shown_answer(page)
    assert answer["liveness_result"]["is_live"] == 1
    score = f"{answer['liveness_result']['liveness_score']:.2f}"
    expect(page.locator("#dial .score")).to_have_text(score)
    expect(page.get_by_role("img", name=f"Liveness score {score}")).to_be_visible()
    assert page.locator("#video").evaluate("video => video.srcObject") is None  # the camera is let go
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(used, hash_id).result() == 1  # of all the frames before, none


def test_double_click_takes_one_picture(open_page: OpenPage, new_key: MakeKey, used: Callable[[str], int]) -> None:
    hash_id = new_key()
    page = open_page()
    enter_key(page, hash_id)
    for _ in range(2):  # the second time the button can be used again
        page.get_by_role("button", name="Use the camera").click()
        take = page.get_by_role("button", name="Take the picture")
        expect(take).to_be_enabled()
        take.dblclick()
        expect(page.get_by_role("heading", name="A live person")).to_be_focused()
        page.get_by_role("button", name="Check another").click()
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(used, hash_id).result() == 2


def test_photographs(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    for picture, headline, reasons in (
        ("screen", "Not a live person", []),
        ("coffee", "No face found", ["FACE_NOT_FOUND"]),
        ("dark", "A live person", ["IMAGE_TOO_DARK", "IMAGE_TOO_BLURRY"]),
    ):
        choose(page, pictures / f"{picture}.jpg", headline)
        assert page.locator("#reasons-list code").all_inner_texts() == reasons
        assert shown_answer(page)["details"]["reasons"] == reasons
        assert ('"liveness_score": 0.0\n' in page.locator("#answer").inner_text()) == (picture == "coffee")
        page.get_by_role("button", name="Check another").click()


def test_refused_for_a_reason(open_page: OpenPage, strict_url: str, new_key: MakeKey, pictures: Path) -> None:
    page = open_page(strict_url)
    enter_key(page, new_key())
    choose(page, pictures / "small.jpg", "Picture not accepted")
    expect(page.get_by_text("The face is too small: go nearer to the camera.")).to_be_visible()
    assert shown_answer(page)["message"] == "The face is too small in the selfie image."
    page.get_by_role("button", name="Check another").click()
    choose(page, pictures / "live.jpg", "A live person")


def test_photograph_that_is_dropped(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    dropped = page.evaluate_handle(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([Uint8Array.from(atob(text), (c) => c.charCodeAt(0))], "a photograph.jpg"));
            return transfer;
        }""",
        base64.b64encode((pictures / "screen.jpg").read_bytes()).decode(),
    )
    page.dispatch_event("#stage", "drop", {"dataTransfer": dropped})
    expect(page.get_by_role("heading", name="Not a live person")).to_be_visible()


def test_what_developers_see(open_page: OpenPage, new_key: MakeKey, pictures: Path, tmp_path: Path) -> None:
    """The frame is where the answer says, the answer can be copied, and the curl line gives the same answer."""
    hash_id = new_key()
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    enter_key(page, hash_id)
    picture_path = tmp_path / "-it's a [face], früh & $late.jpg"
    picture_path.write_bytes((pictures / "live.jpg").read_bytes())
    choose(page, picture_path, "A live person")
    face = shown_answer(page)["details"]["face"]
    picture, frame = (page.locator(name).bounding_box() for name in ("#picture", "#overlay .frame"))
    assert picture
    assert frame
    scale = picture["width"] / 1280
    assert frame["x"] - picture["x"] == pytest.approx(scale * face["left"], abs=5)
    assert frame["y"] - picture["y"] == pytest.approx(scale * face["top"], abs=5)
    assert frame["width"] == pytest.approx(scale * face["width"], abs=8)

    page.get_by_role("button", name="Copy: Answer").click()
    expect(page.locator("#copied")).to_have_text("Copied.")
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == page.locator("#answer").text_content()

    assert hash_id not in page.content()
    command = page.locator("#curl").inner_text().replace("<your hash_id>", hash_id)
    proxied = os.environ | {"http_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=proxied, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == shown_answer(page)


def test_score_is_never_rounded_across_the_threshold(open_page: OpenPage, new_key: MakeKey, pictures: Path) -> None:
    page = open_page()
    enter_key(page, new_key())
    scores = ["0.498", "0.499996", "0.494", "0.5"]

    def answer(route: Route) -> None:
        text = route.fetch().text()
        route.fulfill(status=201, body=re.sub(r'(?<="liveness_score": )[\d.]+', scores.pop(0), text))

    page.route(VERDICTS, answer)
    for shown in ("0.498", "0.499996", "0.49", "0.50"):
        choose(page, pictures / "screen.jpg", "Not a live person")
        expect(page.locator("#dial .score")).to_have_text(shown)
        expect(page.locator("#rule")).to_have_text("A picture counts as live from a score of 0.50 on.")
        page.get_by_role("button", name="Check another").click()


@pytest.mark.parametrize(
    ("camera", "advice", "met"),
    [
        ("coffee", "Look into the camera: there is no face yet.", {"found": False, "centred": False, "light": True}),
        ("dark", "It is too dark: find more light.", {"found": True, "light": False}),
        ("far", "Come nearer.", {"found": True, "centred": False, "near": False, "light": True}),
    ],
)
def test_guidance(open_page: OpenPage, new_key: MakeKey, camera: str, advice: str, met: dict[str, bool]) -> None:
    page = open_page(camera=camera)
    enter_key(page, new_key())
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("status").filter(has_text=advice)).to_be_visible()
    expect_checks(page, **met)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Show a face")).to_be_focused()


def test_nothing_is_kept_but_the_key_and_that_only_in_the_tab(
    open_page: OpenPage, new_key: MakeKey, pictures: Path
) -> None:
    hash_id = new_key()
    page = open_page()
    enter_key(page, hash_id)
    choose(page, pictures / "live.jpg", "A live person")
    assert page.evaluate("() => ({ ...sessionStorage })") == {"hash_id": hash_id}
    kept = """async () => [localStorage.length, document.cookie, (await caches.keys()).length,
        (await indexedDB.databases()).length, (await navigator.serviceWorker.getRegistrations()).length]"""
    assert page.evaluate(kept) == [0, "", 0, 0, 0]
    page.get_by_role("button", name="Change hash_id").click()
    expect(page.get_by_label("Your hash_id")).to_be_focused()
    assert page.evaluate("() => sessionStorage.length") == 0
    enter_key(page, hash_id)
    page.reload()
    expect(page.get_by_role("heading", name="Show a face")).to_be_visible()
    context, url = page.context, page.url
    page.close()
    again = context.new_page()
    again.goto(url)
    expect(again.get_by_role("heading", name="Is a live person in front of the camera?")).to_be_visible()
    assert again.evaluate("() => sessionStorage.length") == 0
    assert context.cookies() == []
