"""A limit is exact under any concurrency, and only a delivered verdict counts."""

import asyncio
from collections import Counter
from collections.abc import Callable

import httpx

from tests.conftest import MakeKey, Stack, data_uri


def test_of_many_requests_at_once_exactly_the_limit_get_a_verdict(
    stack: Stack, make_key: MakeKey, portrait_jpeg: bytes
) -> None:
    limit, requests = 17, 60
    body = {"hash_id": make_key(limit=limit), "selfie_image": data_uri(portrait_jpeg)}

    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(base_url=stack.url, timeout=30, limits=httpx.Limits(max_connections=20)) as client:
            answers = await asyncio.gather(*(client.post("/liveness", json=body) for _ in range(requests)))
        return [answer.status_code for answer in answers]

    assert Counter(asyncio.run(all_at_once())) == {201: limit, 429: requests - limit}


def test_what_ends_without_a_verdict_costs_nothing(
    client: httpx.Client, make_key: MakeKey, used: Callable[[str], int], portrait_jpeg: bytes
) -> None:
    hash_id = make_key(limit=1)
    for image in ("", "no base64!", data_uri(b"no picture"), data_uri(portrait_jpeg[:5000])):
        assert client.post("/liveness", json={"hash_id": hash_id, "selfie_image": image}).status_code == 400
    assert used(hash_id) == 0
    body = {"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}
    assert client.post("/liveness", json=body).status_code == 201
    assert client.post("/liveness", json=body).status_code == 429


def test_more_than_the_service_can_hold_is_turned_away_with_retry_after(
    stack: Stack, make_key: MakeKey, used: Callable[[str], int], portrait_jpeg: bytes
) -> None:
    hash_id = make_key(limit=10_000)
    body = {"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)}

    async def flood() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            base_url=stack.url, timeout=60, limits=httpx.Limits(max_connections=300)
        ) as client:
            return await asyncio.gather(*(client.post("/liveness", json=body) for _ in range(300)))

    answers = asyncio.run(flood())
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {201, 503}
    refused = next(answer for answer in answers if answer.status_code == 503)
    assert refused.headers["retry-after"] == "1"
    assert set(refused.json()) == {"error"}
    assert used(hash_id) == statuses[201]
