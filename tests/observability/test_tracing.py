"""One trace of a request through the frontend and Triton, as a collector gets it."""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from frontend.app import create_app
from frontend.settings import Settings
from tests.conftest import data_uri
from tests.observability.collector import Collector, Span
from tests.observability.conftest import Workers

OF_TRITON = ["InferRequest", "anti_spoof", "compute"]


def trace_of(collector: Collector, trace_id: str, complete: Callable[[list[Span]], bool]) -> list[Span]:
    """The trace's spans, by their start, once it is complete."""
    deadline_s = time.monotonic() + 20
    while not complete(spans := collector.of_trace(trace_id)):
        assert time.monotonic() < deadline_s, spans
        time.sleep(0.05)
    return sorted(spans, key=lambda span: span.start_ns)


def test_one_trace_from_the_client_through_the_frontend_to_triton(
    workers: Workers, workers_key: Callable[..., str], collector: Collector, portrait_jpeg: bytes
) -> None:
    trace_id, client_span_id = secrets.token_hex(16), secrets.token_hex(8)
    hash_id = workers_key("a name of a key")
    answer = httpx.post(
        f"{workers.url}/liveness",
        json={"hash_id": hash_id, "selfie_image": data_uri(portrait_jpeg)},
        headers={"traceparent": f"00-{trace_id}-{client_span_id}-01", "X-Request-ID": "traced"},
        timeout=30,
        trust_env=False,
    )
    assert answer.status_code == 201
    spans = trace_of(
        collector,
        trace_id,
        lambda spans: {"compute", "POST /liveness"} <= {span.name for span in spans},
    )
    (request,) = [span for span in spans if span.name == "POST /liveness"]
    assert request.parent_id == client_span_id
    assert request.service == "liveness-frontend"
    assert request.attributes["http.response.status_code"] == "201"
    assert request.attributes["liveness.outcome"] == "live"
    assert request.attributes["liveness.request_id"] == "traced"

    stages = [span for span in spans if span.service == "liveness-frontend" and span is not request]
    assert [span.name for span in stages][-4:] == ["detect", "crop", "score", "count"]
    assert {span.parent_id for span in stages} == {request.span_id}
    assert all(before.end_ns <= after.start_ns for before, after in itertools.pairwise(stages))
    assert all(request.start_ns <= span.start_ns <= span.end_ns <= request.end_ns for span in stages)

    triton = [span for span in spans if span.service == "triton"]
    assert [span.name for span in triton] == OF_TRITON
    assert [span.parent_id for span in triton] == [request.span_id, triton[0].span_id, triton[1].span_id]
    (score,) = [span for span in stages if span.name == "score"]
    assert score.start_ns <= triton[2].start_ns <= triton[2].end_ns <= score.end_ns

    everything = repr(collector.spans)
    assert hash_id[:8] not in everything
    assert "a name of a key" not in everything


def test_pictures_of_a_batch_are_told_apart(
    workers: Workers, workers_key: Callable[..., str], collector: Collector, portrait_jpeg: bytes
) -> None:
    trace_id = secrets.token_hex(16)
    httpx.post(
        f"{workers.url}/liveness/batch",
        json={"hash_id": workers_key(), "selfie_images": [data_uri(portrait_jpeg)] * 2},
        headers={"traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01", "X-Request-ID": "two"},
        timeout=30,
        trust_env=False,
    )
    spans = trace_of(collector, trace_id, lambda spans: [span.name for span in spans].count("compute") == 2)
    scores = [span.attributes["liveness.request_id"] for span in spans if span.name == "score"]
    assert sorted(scores) == ["two/0", "two/1"]


def test_what_is_not_sampled_leaves_no_span(
    workers: Workers, workers_key: Callable[..., str], collector: Collector, portrait_jpeg: bytes
) -> None:
    """Neither a request whose client says so, nor, with a ratio of 0, one without a traceparent, nor probes."""
    body = {"hash_id": workers_key(), "selfie_image": data_uri(portrait_jpeg)}
    unsampled = secrets.token_hex(16)
    for headers in ({"traceparent": f"00-{unsampled}-{secrets.token_hex(8)}-00"}, {}, {"traceparent": "malformed"}):
        answer = httpx.post(f"{workers.url}/liveness", json=body, headers=headers, timeout=30, trust_env=False)
        assert answer.status_code == 201
    last = secrets.token_hex(16)
    headers = {"traceparent": f"00-{last}-{secrets.token_hex(8)}-01"}
    httpx.post(f"{workers.url}/liveness", json=body, headers=headers, timeout=30, trust_env=False)
    trace_of(collector, last, lambda spans: {"compute", "POST /liveness"} <= {span.name for span in spans})
    assert collector.of_trace(unsampled) == []
    known = {span.span_id for span in collector.spans}
    orphans = [span for span in collector.spans if span.service == "triton" and span.parent_id not in known]
    assert orphans == []


def test_a_collector_that_is_away_holds_up_nothing(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path, otlp_endpoint="http://127.0.0.1:9"))

    async def answered() -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as http:
            return (await http.post("/liveness", content=b"no JSON")).status_code

    begun_at_s = time.monotonic()
    assert asyncio.run(answered()) == 400
    assert time.monotonic() - begun_at_s < 5
