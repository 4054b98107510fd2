"""Damaged requests over real HTTP: documented answers alone, soon, from a service that stays as it was."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil

from frontend.routes.answers import REFUSALS
from tests.conftest import Stack
from tests.hostile.cases import picture_case, seeds
from tests.hostile.keys import all_keys
from tests.hostile.mutations import base64_text, body

SEED = 3
CASES = 2_000
AT_ONCE = 2
LONGEST_S = 1.0
STALLED_S = 10.0
GROWTH_BYTES = 96 * 1024 * 1024
REFUSED = {(refusal.status, json.dumps(refusal.body).encode()) for refusal in REFUSALS.values()}


def request_case(number: int, hash_id: str) -> bytes:
    rng = random.Random(f"{SEED}:{number}")
    kind = rng.randrange(3)
    if kind == 0:
        return body.sound_body(rng, hash_id, picture_case(SEED, number)[1])
    file = rng.choice(rng.choice(seeds()))
    if kind == 1:
        return rng.choice(body.MUTATIONS)(rng, hash_id, file)
    return json.dumps({"hash_id": hash_id, "selfie_image": rng.choice(base64_text.MUTATIONS)(rng, file)}).encode()


def test_2_000_damaged_requests(target: Stack, hash_id: str) -> None:
    before = [(key.digest, key.record.name, key.record.limit) for key in all_keys(target.keys_url)]
    with httpx.Client(base_url=target.url, timeout=30) as client:

        def ask(number: int) -> tuple[int, float]:
            content = request_case(number, hash_id)
            began_s = time.monotonic()
            answer = client.post("/liveness", content=content)
            took_s = time.monotonic() - began_s
            if answer.status_code == 201:
                assert 0 <= answer.json()["liveness_result"]["liveness_score"] <= 1
            else:
                assert (answer.status_code, answer.content) in REFUSED, number
            assert answer.status_code < 500, number
            return answer.status_code, took_s

        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(ask, range(CASES, CASES + 300)))  # what the service takes once
            resident = memory_of(target)
            answers = list(pool.map(ask, range(CASES)))
        assert client.get("/status_check").text == "Services is live"
    statuses = [status for status, _ in answers]
    assert {status: statuses.count(status) > 50 for status in (201, 400, 401)} == {201: True, 400: True, 401: True}
    times_s = sorted(took_s for _, took_s in answers)
    assert times_s[-CASES // 100] < LONGEST_S
    assert times_s[-1] < STALLED_S  # the machine has others to serve too
    assert memory_of(target) - resident < GROWTH_BYTES
    assert target.process.poll() is None
    assert [(key.digest, key.record.name, key.record.limit) for key in all_keys(target.keys_url)] == before


def memory_of(target: Stack) -> int:
    """Resident bytes of the service's process, without Triton's."""
    return int(psutil.Process(target.process.pid).memory_info().rss)
