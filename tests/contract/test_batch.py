"""POST /liveness/batch: each picture as if it had come alone."""

import asyncio
import json
import socket
import time
from collections import Counter
from collections.abc import Callable
from statistics import median

import httpx
import pytest

from frontend.images import RgbImage
from tests.conftest import MakeKey, Stack, data_uri, jpeg_of, recaptured_on_a_screen
from tests.scraping import scrape, value


@pytest.fixture(scope="module")
def pictures(portrait: RgbImage, portrait_jpeg: bytes) -> list[object]:
    """One of each kind: a person, an attack, no face, and those that are refused."""
    return [
        data_uri(portrait_jpeg),
        data_uri(jpeg_of(recaptured_on_a_screen(portrait))),
        data_uri(jpeg_of(portrait[:200, :200] // 8)),
        "",
        None,
        17,
        "no base64!",
        data_uri(portrait_jpeg[:5000]),
        data_uri(portrait_jpeg),
    ]


def test_each_result_is_what_a_call_for_that_picture_alone_gets(
    client: httpx.Client, make_key: MakeKey, used: Callable[[str], int], pictures: list[object]
) -> None:
    hash_id = make_key(limit=100)
    alone = [client.post("/liveness", json={"hash_id": hash_id, "selfie_image": picture}) for picture in pictures]
    verdicts = sum(answer.status_code == 201 for answer in alone)
    assert used(hash_id) == verdicts == 4

    batch = client.post("/liveness/batch", json={"hash_id": hash_id, "selfie_images": pictures})
    assert batch.status_code == 200
    assert batch.json() == {"results": [{"status": one.status_code, "body": one.json()} for one in alone]}
    assert used(hash_id) == 2 * verdicts


def test_a_limit_is_exact_within_and_across_batches(stack: Stack, make_key: MakeKey, portrait_jpeg: bytes) -> None:
    hash_id = make_key(limit=7)
    body = {"hash_id": hash_id, "selfie_images": [data_uri(portrait_jpeg)] * 5}

    async def two_at_once() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=stack.url, timeout=30) as http:
            return list(await asyncio.gather(*(http.post("/liveness/batch", json=body) for _ in range(2))))

    results = [result for answer in asyncio.run(two_at_once()) for result in answer.json()["results"]]
    assert Counter(result["status"] for result in results) == {201: 7, 429: 3}


@pytest.mark.parametrize("hash_id", ["unknown", None, 5])
def test_a_refused_hash_id_refuses_the_whole_call(client: httpx.Client, hash_id: object, portrait_jpeg: bytes) -> None:
    body = {"hash_id": hash_id, "selfie_images": [data_uri(portrait_jpeg)] * 2}
    answer = client.post("/liveness/batch", json=body)
    assert (answer.status_code, answer.json()) == (401, {"message": "Invalid credentials"})


@pytest.mark.parametrize("others", [[""], []])
def test_a_refused_hash_id_refuses_the_whole_call_whatever_else_is_wrong_with_it(
    client: httpx.Client, others: list[str]
) -> None:
    body = {"hash_id": "unknown", "selfie_images": ["A" * 25_200_000, *others]}
    answer = client.post("/liveness/batch", json=body)
    assert (answer.status_code, answer.json()) == (401, {"message": "Invalid credentials"})


def test_a_hash_id_of_40_megabytes_takes_no_longer_than_as_much_of_anything_else(client: httpx.Client) -> None:
    def refused_after_s(**fields: str) -> float:
        body = json.dumps({"selfie_images": [""] * 16, **fields})
        begun_at_s = time.monotonic()
        assert client.post("/liveness/batch", content=body).status_code == 401
        return time.monotonic() - begun_at_s

    rounds = [(refused_after_s(hash_id="a" * 40_000_000), refused_after_s(other="a" * 40_000_000)) for _ in range(3)]
    assert min(long for long, _ in rounds) < 3 * max(other for _, other in rounds)


def test_a_batch_that_nobody_waits_for_costs_nothing(
    stack: Stack, client: httpx.Client, make_key: MakeKey, used: Callable[[str], int], portrait_jpeg: bytes
) -> None:
    hash_id = make_key(limit=100)
    body = json.dumps({"hash_id": hash_id, "selfie_images": [data_uri(portrait_jpeg)] * 16}).encode()
    host, port = stack.url.removeprefix("http://").split(":")
    for judged_s in (0.02, 0.04, 0.06):  # all 16 take 0.07 s or more
        with socket.create_connection((host, int(port))) as leaving:
            leaving.sendall(
                b"POST /liveness/batch HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )
            time.sleep(judged_s)
    assert client.post("/liveness/batch", content=body).status_code == 200
    assert used(hash_id) == 16


@pytest.mark.parametrize("images", [None, "text", {}, [], [""] * 17], ids=["none", "text", "object", "empty", "17"])
def test_what_is_no_list_of_images(client: httpx.Client, hash_id: str, images: object) -> None:
    answer = client.post("/liveness/batch", json={"hash_id": hash_id, "selfie_images": images})
    assert (answer.status_code, set(answer.json())) == (400, {"error"})


def too_large(client: httpx.Client) -> float:
    samples = scrape(str(client.base_url).rstrip("/"))
    return value(samples, "liveness_judgements_total", outcome="rejected", reason="body_too_large")


def test_bodies_and_pictures_that_are_too_large(client: httpx.Client, hash_id: str, portrait_jpeg: bytes) -> None:
    assert client.post("/liveness/batch", content=b" " * 60_000_000).status_code == 413
    body = {"hash_id": hash_id, "selfie_images": ["A" * 25_200_000, data_uri(portrait_jpeg)]}
    before = too_large(client)
    results = client.post("/liveness/batch", json=body).json()["results"]
    assert too_large(client) == before + 1
    assert results[0] == {"status": 413, "body": {"error": "The request body is too large."}}
    assert results[1]["status"] == 201


def test_single_pictures_are_not_held_up_by_long_batches(stack: Stack, hash_id: str, portrait_jpeg: bytes) -> None:
    picture = data_uri(portrait_jpeg)
    batch_durations_s: list[float] = []
    single_durations_s: list[float] = []

    async def compete() -> None:
        async with httpx.AsyncClient(base_url=stack.url, timeout=60) as http:

            async def batches() -> None:
                body = {"hash_id": hash_id, "selfie_images": [picture] * 16}
                while not alone.done():
                    begun_at_s = time.monotonic()
                    answer = await http.post("/liveness/batch", json=body)
                    batch_durations_s.append(time.monotonic() - begun_at_s)
                    assert {result["status"] for result in answer.json()["results"]} == {201}

            async def singles() -> None:
                await asyncio.sleep(0.1)
                for _ in range(10):
                    begun_at_s = time.monotonic()
                    answer = await http.post("/liveness", json={"hash_id": hash_id, "selfie_image": picture})
                    single_durations_s.append(time.monotonic() - begun_at_s)
                    assert answer.status_code == 201

            alone = asyncio.ensure_future(singles())
            await asyncio.gather(alone, *(batches() for _ in range(3)))

    asyncio.run(compete())
    assert median(single_durations_s) < median(batch_durations_s) / 4


def test_more_batches_than_can_wait_are_turned_away(
    stack: Stack, make_key: MakeKey, used: Callable[[str], int], portrait_jpeg: bytes
) -> None:
    hash_id = make_key(limit=10_000)
    body = {"hash_id": hash_id, "selfie_images": [data_uri(portrait_jpeg)] * 4}

    async def flood() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=stack.url, timeout=60) as http:
            return list(await asyncio.gather(*(http.post("/liveness/batch", json=body) for _ in range(60))))

    answers = asyncio.run(flood())
    assert {answer.status_code for answer in answers} == {200, 503}
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 503)
    results = [result for answer in answers if answer.status_code == 200 for result in answer.json()["results"]]
    assert used(hash_id) == sum(result["status"] == 201 for result in results)
