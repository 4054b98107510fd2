"""Failed authentications are limited by client address; a valid key passes whatever others there do."""

from collections.abc import Iterator

import httpx
import pytest

from frontend.failed_authentications import MAX_ADDRESSES, FailedAuthentications
from tests.conftest import data_uri
from tests.hostile.conftest import Served, Serving
from tests.hostile.seeds import jpeg_seeds, small_picture

ALLOWED = 5
TOO_MANY = b'{"error": "Too many failed authentications. Please try again later."}'


@pytest.fixture(scope="module")
def behind_a_proxy(serving: Serving) -> Iterator[Served]:
    settings = {"failed_authentications_allowed": ALLOWED, "failed_authentications_window_s": 600}
    with serving(**settings, trusted_proxies="127.0.0.0/8") as served:
        yield served


def fail(url: str, *addresses: str) -> list[httpx.Response]:
    """The answers to a wrong hash_id from each of these addresses, one after another."""
    with httpx.Client(base_url=url, timeout=30) as client:
        return [
            client.post("/liveness", json={"hash_id": "guess"}, headers={"X-Forwarded-For": address})
            for address in addresses
        ]


def test_past_what_is_allowed_comes_429_for_that_address_alone(behind_a_proxy: Served) -> None:
    answers = fail(behind_a_proxy.url, *["192.0.2.1"] * (ALLOWED + 2))
    assert [answer.status_code for answer in answers] == [401] * ALLOWED + [429] * 2
    assert answers[-1].content == TOO_MANY
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 600
    assert fail(behind_a_proxy.url, "192.0.2.2")[0].status_code == 401


def test_a_valid_key_passes_from_an_address_that_failed_too_often(behind_a_proxy: Served, hash_id: str) -> None:
    assert fail(behind_a_proxy.url, *["192.0.2.3"] * (ALLOWED + 1))[-1].status_code == 429
    body = {"hash_id": hash_id, "selfie_image": data_uri(jpeg_seeds(small_picture())[0])}
    answer = httpx.post(
        f"{behind_a_proxy.url}/liveness", json=body, headers={"X-Forwarded-For": "192.0.2.3"}, timeout=30
    )
    assert answer.status_code == 201


def test_what_a_client_claims_before_the_proxy_adds_its_address_is_not_believed(behind_a_proxy: Served) -> None:
    answers = fail(behind_a_proxy.url, *(f"198.51.100.{number}, 192.0.2.4" for number in range(ALLOWED + 1)))
    assert [answer.status_code for answer in answers] == [401] * ALLOWED + [429]


def test_a_proxy_is_trusted_by_its_ipv4_address_where_ipv6_is_listened_on_too(serving: Serving) -> None:
    settings = {"failed_authentications_allowed": 1, "host": "::", "accepted_risks": "plain-http"}
    with serving(**settings, trusted_proxies="127.0.0.0/8") as served:
        url = served.url.replace("[::]", "127.0.0.1")
        answers = fail(url, *(f"192.0.2.{number}" for number in range(3)))
    assert [answer.status_code for answer in answers] == [401] * 3


def test_without_a_trusted_proxy_the_header_is_passed_over(serving: Serving) -> None:
    with serving(failed_authentications_allowed=ALLOWED) as served:
        answers = fail(served.url, *(f"192.0.2.{number}" for number in range(ALLOWED + 1)))
    assert [answer.status_code for answer in answers] == [401] * ALLOWED + [429]


def test_the_window_ends() -> None:
    now_s = [0.0]
    failures = FailedAuthentications(2, 60, now_s=lambda: now_s[0])
    assert [failures.record("192.0.2.1") for _ in range(3)] == [None, None, 60]
    now_s[0] = 59.5
    assert failures.record("192.0.2.1") == 1
    now_s[0] = 60.0
    assert failures.record("192.0.2.1") is None


def test_memory_is_bounded_and_the_oldest_is_forgotten() -> None:
    failures = FailedAuthentications(1, 60, now_s=lambda: 0.0)
    assert failures.record("192.0.2.1") is None
    for number in range(MAX_ADDRESSES):
        failures.record(f"client {number}")
    assert len(failures) == MAX_ADDRESSES
    assert failures.record("192.0.2.1") is None
    assert failures.record(f"client {MAX_ADDRESSES - 1}") == 60


def test_an_ipv6_customer_is_one_however_many_addresses_there_are() -> None:
    failures = FailedAuthentications(1, 60, now_s=lambda: 0.0)
    assert failures.record("2001:db8:1:2::1") is None
    assert failures.record("2001:db8:1:2:ffff::9") == 60
    assert failures.record("2001:db8:1:3::1") is None
    assert failures.record("::ffff:192.0.2.1") is None
    assert failures.record("::ffff:192.0.2.2") is None
    assert failures.record("192.0.2.2") == 60


def test_what_follows_an_ipv6_address_makes_it_no_other_customer() -> None:
    failures = FailedAuthentications(1, 60, now_s=lambda: 0.0)
    for address in ("2001:db8:1:2::", "::ffff:192.0.2.1"):
        assert failures.record(address) is None
        assert failures.record(f"{address}%{'a' * 60_000}") == 60
    assert len(failures) == 2


def test_none_is_no_limit() -> None:
    failures = FailedAuthentications(0, 60)
    assert {failures.record("192.0.2.1") for _ in range(1000)} == {None}
    assert len(failures) == 0
