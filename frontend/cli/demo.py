"""What a first try needs: a key with a small limit, and a picture."""

from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from frontend.errors import InvalidCredentials, KeyNameTaken, LimitReached, StartRefused
from frontend.images import RgbImage
from frontend.keys.store import KeyRecord, KeyStore, digest_of, new_hash_id

DEMO_LIMIT = 100


@dataclass(frozen=True, slots=True)
class DemoKey:
    """The demo credential and what is left of it; both None where it has no limit."""

    hash_id: str
    limit: int | None
    left: int | None


async def demo_key(store: KeyStore, folder: Path) -> DemoKey:
    """The demo key, made at the first start and kept in a file that only its owner may read."""
    file = folder / "demo_hash_id"
    now = datetime.now(timezone.utc)
    if file.exists():
        hash_id = file.read_text(errors="replace").strip()
        try:
            record = await store.authenticate(digest_of(hash_id), now)
            return DemoKey(hash_id, record.limit, None if record.limit is None else record.limit - record.used)
        except LimitReached:
            return DemoKey(hash_id, await _limit_of(store, digest_of(hash_id)), 0)
        except InvalidCredentials:  # revoked, or the keys' home is a new one: make another
            file.unlink()
    hash_id = new_hash_id()
    await _create(store, hash_id, now)
    file.touch(mode=0o600)
    file.write_text(hash_id + "\n")
    return DemoKey(hash_id, DEMO_LIMIT, DEMO_LIMIT)


async def _limit_of(store: KeyStore, digest: bytes) -> int | None:
    return next((key.record.limit for key in await store.export() if key.digest == digest), None)


async def _create(store: KeyStore, hash_id: str, now: datetime) -> None:
    for number in count(1):
        name = "demo" if number == 1 else f"demo-{number}"
        try:
            await store.create(digest_of(hash_id), KeyRecord(name, DEMO_LIMIT, used=0, created_at=now))
        except KeyNameTaken:
            continue
        return


def demo_picture(folder: Path) -> Path:
    """A PNG of a drawn face on a phone's screen, as a camera would see it, made if it is not there.

    Raises StartRefused when it cannot be written.
    """
    file = folder / "drawn_face_on_a_phone.png"
    if not file.exists():
        _, png = cv2.imencode(".png", _recaptured(_drawn_face())[:, :, ::-1])
        try:
            file.write_bytes(png.tobytes())
        except OSError as error:
            file.unlink(missing_ok=True)
            raise StartRefused(f"cannot write {file}: {error.strerror}") from None
    return file


def _drawn_face() -> RgbImage:
    face = np.full((480, 480, 3), (196, 208, 214), np.uint8)
    skin, dark = (224, 172, 138), (60, 40, 32)
    cv2.ellipse(face, (240, 470), (170, 120), 0, 0, 360, (70, 90, 140), -1)
    cv2.ellipse(face, (240, 200), (126, 150), 0, 0, 360, dark, -1)
    cv2.ellipse(face, (240, 235), (108, 140), 0, 0, 360, skin, -1)
    for x in (198, 282):
        cv2.ellipse(face, (x, 215), (22, 12), 0, 0, 360, (250, 250, 250), -1)
        cv2.circle(face, (x, 215), 10, dark, -1)
        cv2.ellipse(face, (x, 192), (28, 9), 0, 180, 360, dark, 6)
    cv2.line(face, (240, 222), (230, 262), (190, 135, 104), 4)
    cv2.ellipse(face, (240, 262), (16, 10), 0, 0, 180, (180, 120, 92), 4)
    cv2.ellipse(face, (240, 305), (40, 16), 0, 0, 180, (170, 60, 60), -1)
    return np.asarray(cv2.GaussianBlur(face, (0, 0), 2), np.uint8)


def _recaptured(face: RgbImage) -> RgbImage:
    """The picture on a dark phone before a grey wall, with the moiré that a screen leaves in a camera."""
    wall = np.linspace(0, 50, 720, dtype=np.uint8)[:, None, None]
    scene = np.full((720, 720, 3), (168, 160, 150), np.uint8) + wall
    cv2.rectangle(scene, (160, 60), (560, 680), (20, 20, 22), -1)
    scene[130:610, 180:540] = cv2.resize(face, (360, 480), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:720, :720]
    moire = 0.9 + 0.1 * np.sin(x / 2.3 + y / 7.1)
    return np.asarray(scene * moire[:, :, None], np.uint8)
