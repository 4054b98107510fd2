"""The page in a real Chromium, whose camera is a video file made of the portrait."""

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright
from skimage import data

from frontend.images import RgbImage
from tests.conftest import MakeKey, Stack, jpeg_of, recaptured_on_a_screen, running

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FAKE_CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]

VERDICTS = "**/liveness?details=true"
OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory, portrait: RgbImage) -> Path:
    """A folder of photographs (.jpg) and of videos for the camera (.mjpeg)."""
    folder = tmp_path_factory.mktemp("pictures")
    near = np.asarray(cv2.resize(portrait[:675, 120:1020], (640, 480), interpolation=cv2.INTER_AREA), np.uint8)
    far = np.full((480, 640, 3), 120, np.uint8)
    far[:300, :400] = cv2.resize(portrait, (400, 300), interpolation=cv2.INTER_AREA)
    dark = (portrait * 0.2).astype(np.uint8)
    coffee = np.asarray(cv2.resize(data.coffee(), (640, 480)), np.uint8)
    small = np.asarray(cv2.resize(portrait, (240, 180), interpolation=cv2.INTER_AREA), np.uint8)
    screen = recaptured_on_a_screen(portrait)
    for name, picture in {"live": portrait, "dark": dark, "coffee": coffee, "small": small, "screen": screen}.items():
        (folder / f"{name}.jpg").write_bytes(jpeg_of(picture))
    unlit = (near * 0.2).astype(np.uint8)
    for name, picture in {"near": near, "far": far, "dark": unlit, "coffee": coffee}.items():
        (folder / f"{name}.mjpeg").write_bytes(2 * jpeg_of(picture))
    return folder


@pytest.fixture(scope="session")
def new_key(make_key: MakeKey) -> MakeKey:
    """As `make_key`, from a thread without the event loop that Playwright keeps in this one."""

    def make(limit: int | None = None) -> str:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(make_key, limit).result()

    return make


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as started:
        expect.set_options(timeout=20_000)
        yield started


@pytest.fixture(scope="module")
def browsers(playwright: Playwright) -> Iterator[Callable[..., Browser]]:
    """Chromium with these switches, one for the whole module."""
    with ExitStack() as stack:
        started: dict[tuple[str, ...], Browser] = {}

        def browser(*switches: str) -> Browser:
            if switches not in started:
                started[switches] = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox", *switches]
                )
                stack.callback(started[switches].close)
            return started[switches]

        yield browser


@pytest.fixture
def open_page(browsers: Callable[..., Browser], stack: Stack, pictures: Path) -> Iterator[OpenPage]:
    """Open the page with a camera that shows a video, and watch it.

    A test fails whose page broke its content security policy, raised an error, or asked anything of another origin.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_one(
        url: str = stack.url, camera: str | None = "near", switches: tuple[str, ...] = (), **options: object
    ) -> Page:
        if camera is not None:
            switches = (*FAKE_CAMERA, f"--use-file-for-fake-video-capture={pictures / camera}.mjpeg")
        context = browsers(*switches).new_context(
            **({"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce"} | options)
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if is_violation(message.text) else None)
        page.on("request", lambda request: wrong.append(request.url) if is_elsewhere(request.url, url) else None)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not wrong


def is_violation(text: str) -> bool:
    return "Content Security Policy" in text or "requires 'Trusted" in text


def is_elsewhere(url: str, home: str) -> bool:
    return not url.startswith((f"{home}/", "blob:"))


def enter_key(page: Page, hash_id: str) -> None:
    page.get_by_label("Your hash_id").fill(hash_id)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Show a face")).to_be_focused()


def choose(page: Page, picture: Path, headline: str) -> None:
    """Choose a photograph, and wait for the heading that it leads to."""
    page.locator("#file").set_input_files(picture)
    expect(page.get_by_role("heading", level=1, name=headline)).to_be_focused()


@pytest.fixture(scope="module")
def strict_url(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A frontend with the page, on the stack's Triton and keys, that refuses faces which are too small."""
    triton = (stack.data_dir / "stderr.log").read_text().split("Triton answers at ")[1].split(",")[0]
    log = tmp_path_factory.mktemp("strict") / "log"
    wanted = {"port": 0, "triton_url": triton, "keys_url": stack.keys_url, "page": "true"}
    with running("serve", "listening", log, **wanted, refuse_reasons="FACE_TOO_SMALL") as (_, ready):
        yield ready.split("listening on ")[1].strip()


@pytest.fixture(scope="module")
def half_broken_url(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A frontend with the page whose Triton is away, and that takes small bodies alone."""
    log = tmp_path_factory.mktemp("half-broken") / "log"
    wanted = {"port": 0, "triton_url": "127.0.0.1:9", "keys_url": stack.keys_url, "page": "true"}
    with running("serve", "listening", log, **wanted, max_body_bytes=200_000) as (_, ready):
        yield ready.split("listening on ")[1].strip()
