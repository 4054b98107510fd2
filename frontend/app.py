"""The web application: what it is made of, opened and closed in order."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from fastapi import FastAPI

from frontend.admission import Admission
from frontend.audit.log import audit_log
from frontend.batch import BatchJudge
from frontend.calibration import load_calibration
from frontend.connections import ConnectionLimits
from frontend.cores import usable_cores
from frontend.decoding import ImageLimits
from frontend.errors import KeyStoreUnavailable, StartRefused
from frontend.failed_authentications import FailedAuthentications
from frontend.guidance import Guidance
from frontend.keys.homes import key_store
from frontend.keys.recent import RecentKeys
from frontend.metrics import Metrics
from frontend.pipeline import Pipeline, QualityRules, Thresholds
from frontend.readiness import Readiness
from frontend.reasons import QualityLimits, refusing_reasons
from frontend.routes.answers import install_error_answers
from frontend.routes.batch import batch_routes
from frontend.routes.docs import docs_routes
from frontend.routes.guidance import guidance_routes
from frontend.routes.health import health_routes
from frontend.routes.interruption import Interruption
from frontend.routes.liveness import liveness_routes
from frontend.routes.metrics import metrics_routes
from frontend.routes.page import page_routes
from frontend.routes.request_id import RequestIds
from frontend.routes.request_log import log_request
from frontend.routes.request_watch import RequestWatch
from frontend.routes.security_headers import SecurityHeaders
from frontend.routes.version import version_routes
from frontend.scoring import TritonScorer
from frontend.service import LivenessService
from frontend.settings import Settings
from frontend.shared_count import SharedCount, shared_counts
from frontend.stopping import Stopping
from frontend.version import VersionSource, service_version
from frontend.warm_threads import WarmThreads

if TYPE_CHECKING:
    from frontend.tracing import Tracing


def create_app(settings: Settings, at_work: SharedCount | None = None) -> FastAPI:
    """The service as an ASGI application; it opens its dependencies when it starts and closes them when it stops.

    Processes that serve together share `at_work`.
    """
    stopping = Stopping()
    metrics = Metrics(settings.metrics_key_names) if settings.metrics else None
    tracing = _tracing(settings)
    observers = [watcher.observe for watcher in (tracing, metrics) if watcher]  # a span's time is told from now

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with AsyncExitStack() as opened:
            if audit := audit_log(settings):
                opened.push_async_callback(audit.close)
            if tracing:
                opened.push_async_callback(asyncio.to_thread, tracing.close)
            keys = key_store(settings.effective_keys_url, settings.keys_timeout_s, create=False)
            opened.push_async_callback(keys.close)
            pipeline = make_pipeline(settings, tracing.triton_header if tracing else None, at_work)
            opened.push_async_callback(pipeline.close)
            versions = VersionSource(
                settings.triton_url, settings.triton_model, settings.model_repository, settings.triton_timeout_s
            )
            opened.callback(versions.close)
            with suppress(KeyStoreUnavailable):  # a home that is away is asked again at every request
                await keys.open()
            admission = Admission(settings.max_in_flight, settings.admission_wait_s, settings.max_share_per_key)
            app.state.service = LivenessService(
                keys=RecentKeys(keys, settings.keys_remembered_s),
                pipeline=pipeline,
                admission=admission,
                max_image_characters=settings.max_body_bytes,
                observers=[*observers, audit] if audit else observers,
            )
            app.state.batch_judge = BatchJudge(
                app.state.service,
                lanes=max(1, min(settings.decode_threads, settings.max_in_flight // 2)),
                max_batches=max(1, settings.max_in_flight // 4),
                wait_s=settings.admission_wait_s,
            )
            app.state.version_source = versions
            app.state.guidance = Guidance(
                keys=keys, pipeline=pipeline, admission=Admission(settings.decode_threads, settings.admission_wait_s)
            )
            app.state.readiness = Readiness(
                {"triton": pipeline.probe, "keys": keys.ping},
                timeout_s=settings.readiness_timeout_s,
                stopping=stopping,
            )
            app.state.triton_servers = pipeline.triton_servers
            gc.collect()
            gc.freeze()  # what lives as long as the process need not be looked through at every collection
            yield {
                "connection_limits": _connection_limits(settings),
                "stopping": stopping,
                "connection_refused": metrics.connection_refused if metrics else lambda _error_type: None,
            }

    app = FastAPI(
        title="Face liveness",
        version=service_version(),
        description="Tells whether a live person or a presentation attack was in front of the camera.",
        lifespan=lifespan,
        redirect_slashes=False,  # to where the Host header says, and without TLS where a proxy has ended it
        docs_url=None,  # frontend/routes/docs.py
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},  # ours: tracing.py
    )
    app.state.stopping = stopping
    _add_middleware(app, settings, metrics, tracing)
    failures = FailedAuthentications(settings.failed_authentications_allowed, settings.failed_authentications_window_s)
    install_error_answers(app, settings.retry_after_s, failures)
    app.include_router(liveness_routes(settings.max_body_bytes, with_server_timing=settings.server_timing))
    app.include_router(batch_routes(settings.max_batch_body_bytes, settings.max_batch_images, settings.retry_after_s))
    app.include_router(version_routes())
    if metrics:
        app.include_router(metrics_routes(metrics))
    app.include_router(health_routes(settings.retry_after_s))
    app.include_router(docs_routes(app.title, "/openapi.json"))
    if settings.page:
        app.include_router(page_routes(live_threshold=settings.live_threshold, max_body_bytes=settings.max_body_bytes))
        app.include_router(guidance_routes())
    return app


def _add_middleware(app: FastAPI, settings: Settings, metrics: Metrics | None, tracing: "Tracing | None") -> None:
    """From the innermost to the outermost."""
    app.add_middleware(Interruption, retry_after_s=settings.retry_after_s)
    app.add_middleware(
        RequestWatch,
        begun=[metrics.request_begun] if metrics else [],
        ended=[log_request, *([metrics.request_ended] if metrics else [])],
    )
    if tracing:
        app.add_middleware(tracing.middleware("/liveness"))
    app.add_middleware(RequestIds)
    app.add_middleware(SecurityHeaders)


def _tracing(settings: Settings) -> "Tracing | None":
    if not settings.otlp_endpoint:
        return None
    from frontend.tracing import Tracing  # an import that takes half a second

    return Tracing(settings.otlp_endpoint, settings.trace_sample_ratio)


def _connection_limits(settings: Settings) -> ConnectionLimits:
    return ConnectionLimits(
        max_connections=settings.max_connections,
        max_arriving_bytes=settings.max_arriving_bytes,
        header_timeout_s=settings.header_timeout_s,
        body_timeout_s=settings.body_timeout_s,
        response_timeout_s=settings.response_timeout_s,
        retry_after_s=settings.retry_after_s,
    )


def make_pipeline(
    settings: Settings, trace_header: Callable[[], bytes] | None = None, at_work: SharedCount | None = None
) -> Pipeline:
    """The pipeline that the settings ask for; call it inside the running event loop. Raises StartRefused."""
    if not settings.triton_url:
        raise StartRefused("LIVENESS_TRITON_URL is empty: set host:port of Triton, or use `liveness up`")
    return Pipeline(
        scorer=TritonScorer(settings.triton_url, settings.triton_model, settings.triton_timeout_s, trace_header),
        limits=image_limits(settings),
        thresholds=Thresholds(face=settings.face_threshold, live=settings.live_threshold),
        quality=QualityRules(
            limits=QualityLimits(
                max_faces=settings.max_faces,
                min_face_size_pixels=settings.min_face_size_pixels,
                min_border_margin=settings.min_border_margin,
                max_face_angle_degrees=settings.max_face_angle_degrees,
                min_sharpness=settings.min_sharpness,
                min_brightness=settings.min_brightness,
                max_brightness=settings.max_brightness,
            ),
            refusing=refusing_reasons(settings.refuse_reasons),
        ),
        calibration=load_calibration(settings),
        threads=WarmThreads(settings.decode_threads, at_work or shared_counts(1)[0], usable_cores()),
    )


def image_limits(settings: Settings) -> ImageLimits:
    """The largest picture that the settings allow."""
    return ImageLimits(
        max_pixels=int(settings.max_image_megapixels * 1_000_000), max_side_pixels=settings.max_image_side_pixels
    )
