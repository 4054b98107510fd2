"""One trace of each request through this service and Triton, sent to an OpenTelemetry collector (OTLP over HTTP)."""

import time
from collections.abc import Callable

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from frontend.observation import Observation, outcome_name
from frontend.version import service_version

TRACES_PATH = "/v1/traces"


class Tracing:
    """Makes and sends spans; `close` it to send the last of them.

    A client's traceparent (W3C Trace Context) is the parent of its request's span, and says whether it is sampled;
    of the requests without one, `sample_ratio` are. Spans name the route, the status and the outcome: nothing personal.
    """

    def __init__(self, endpoint: str, sample_ratio: float) -> None:
        resource = Resource.create({"service.name": "liveness-frontend", "service.version": service_version()})
        self._provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(sample_ratio)))
        exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + TRACES_PATH)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("frontend")
        self._propagator = TraceContextTextMapPropagator()

    def close(self) -> None:
        """Send what is left, and stop; it may take seconds where the collector is away."""
        self._provider.shutdown()

    def observe(self, observation: Observation) -> None:
        """One span for each stage of a picture, one after the other, under the span of its request; its end is now."""
        request = trace.get_current_span()
        if not request.is_recording():
            return
        outcome = outcome_name(observation.outcome)
        attributes = {"liveness.request_id": observation.request_id, "liveness.outcome": outcome}
        at_ns = time.time_ns() - _nanoseconds(observation.latency_s)
        for stage, seconds in observation.stages_s.items():
            span = self._tracer.start_span(stage, start_time=at_ns, attributes=attributes)
            at_ns += _nanoseconds(seconds)
            span.end(at_ns)

    def triton_header(self) -> bytes:
        """The header line by which Triton's spans become children of the request's; empty where it is not sampled."""
        if not trace.get_current_span().get_span_context().trace_flags.sampled:
            return b""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return f"traceparent: {carrier['traceparent']}\r\n".encode()

    def middleware(self, path_prefix: str) -> Callable[[ASGIApp], ASGIApp]:
        """ASGI middleware, around RequestWatch: makes a span of each request to a path that begins so."""
        return lambda app: _TracedRequests(app, self._tracer, self._propagator, path_prefix)


class _TracedRequests:
    def __init__(
        self, app: ASGIApp, tracer: trace.Tracer, propagator: TraceContextTextMapPropagator, path_prefix: str
    ) -> None:
        self._app = app
        self._tracer = tracer
        self._propagator = propagator
        self._path_prefix = path_prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._path_prefix):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        parent = self._propagator.extract({name: headers[name] for name in self._propagator.fields if name in headers})
        span = self._tracer.start_span(scope["method"], parent, trace.SpanKind.SERVER)
        token = context.attach(trace.set_span_in_context(span))
        try:
            await self._app(scope, receive, send)
        finally:
            context.detach(token)
            status = scope["state"]["status"]
            route = getattr(scope.get("route"), "path", "")
            span.update_name(f"{scope['method']} {route}".rstrip())
            span.set_attributes(
                {
                    "http.request.method": scope["method"],
                    "http.route": route,
                    "http.response.status_code": status,
                    "liveness.request_id": scope["state"]["request_id"],
                    "liveness.outcome": scope["state"].get("outcome", ""),
                }
            )
            if status >= 500:
                span.set_status(trace.StatusCode.ERROR)
            span.end()


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000_000)
