"""After known bytes were sent, nothing that the service wrote holds them: logs at their most talkative among it."""

import base64
import json
import sqlite3
from pathlib import Path

import httpx

from frontend.images import RgbImage
from frontend.keys.store import digest_of, new_hash_id
from tests.conftest import Stack, data_uri, jpeg_of
from tests.hostile.seeds import jpeg_seeds, png_seeds, small_picture

PIECE = 24  # bytes of a picture: long enough to be in nothing else


def pieces(file: bytes) -> list[bytes]:
    """Of the file and of its base64, in every alignment, some from its beginning, its middle and its end."""
    found = []
    for at in (200, len(file) // 2, len(file) - 3 * PIECE):
        piece = file[at : at + PIECE]
        if len(set(piece)) < PIECE // 2:  # a run of zeros, say, is everywhere
            continue
        found += [piece, piece.hex().encode(), repr(piece)[2:-1].encode()]
        found += [base64.b64encode(file[at + shift : at + shift + PIECE]) for shift in range(3)]
    return found


def written(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file() and not file.is_symlink()}


def test_no_log_file_or_answer_holds_a_secret_or_a_picture(target: Stack, hash_id: str, portrait: RgbImage) -> None:
    unknown, in_the_path = new_hash_id(), new_hash_id()
    portrait_file = jpeg_of(portrait)
    small = small_picture()
    files = [portrait_file, portrait_file[: len(portrait_file) // 2], *jpeg_seeds(small)[:4], *png_seeds(small)[:4]]
    answers = []
    with httpx.Client(base_url=target.url, timeout=30) as client:
        for file in files:
            answers += [
                client.post("/liveness", json={"hash_id": hash_id, "selfie_image": data_uri(file)}),
                client.post("/liveness", json={"hash_id": unknown, "selfie_image": data_uri(file)}),
                client.post("/liveness", content=json.dumps({"hash_id": hash_id, "x": data_uri(file)})[:-1]),
            ]
        form = {"hash_id": (None, unknown), "selfie_image": ("face.jpg", portrait_file, "image/jpeg")}
        answers.append(client.post("/liveness", files=form))
        answers.append(client.post(f"/liveness?hash_id={in_the_path}", json={"hash_id": in_the_path}))
        answers.append(client.get(f"/liveness/{in_the_path}"))
        answers.append(client.post("/liveness", json={"hash_id": unknown}, headers={"Authorization": in_the_path}))
        for path in ("/metrics", "/readyz", "/status_check", "/version", "/openapi.json"):
            answers.append(client.get(path))
    assert {answer.status_code for answer in answers} >= {201, 400, 401}

    everything = written(target.data_dir) | {Path(f"answer {n}"): answer.content for n, answer in enumerate(answers)}
    for n, answer in enumerate(answers):
        everything[Path(f"headers {n}")] = str(answer.headers.raw).encode()
    logs = everything[target.data_dir / "stderr.log"]
    assert b'"level":"debug"' in logs
    assert b"invalid_image" in logs
    assert b'"outcome": "invalid_image"' in everything[target.data_dir / "audit.jsonl"]
    assert any(file.name == "triton.log" for file in everything)

    of_the_operator = {target.data_dir / "demo_hash_id"}
    secrets = [unknown, in_the_path, digest_of(unknown).hex(), hash_id, digest_of(hash_id).hex()]
    sought = [secret.encode() for secret in secrets] + [piece for file in files for piece in pieces(file)]
    for file, content in everything.items():
        if file not in of_the_operator:
            assert not [secret for secret in sought if secret in content], file

    home = sqlite3.connect(target.data_dir / "keys.sqlite3")
    assert home.execute("SELECT count(*) FROM keys WHERE digest = ?", (digest_of(hash_id),)).fetchone() == (1,)
    home.close()
