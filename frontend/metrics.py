"""What is counted and timed for Prometheus: how many, how long, how sure; never who or what."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from frontend.errors import (
    HeadTooLarge,
    LivenessError,
    MalformedRequest,
    Overloaded,
    RequestRejected,
    RequestTooSlow,
    ScoringFailed,
    ServiceUnavailable,
)
from frontend.observation import Observation, outcome_name
from frontend.pipeline import Verdict
from frontend.reasons import Reason
from frontend.routes.request_watch import EndedRequest
from frontend.version import service_version

NEAR_LIMIT = 0.9
"""A key that has used this share of its limit is one that its customer should be told of."""
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
FILE_BYTES = 128 * 1024
"""Room for what one process counts of a kind: every route with every status, every stage, hundreds of keys' names."""
_STAGE_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_REQUEST_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SCORE_BUCKETS = tuple(step / 20 for step in range(1, 21))


@contextmanager
def shared_between_processes() -> Iterator[None]:
    """Let the processes that are started within count into files of one fresh folder, which is gone afterwards.

    That is prometheus_client's multiprocess mode: a scrape of any of them sums up all of them.
    """
    with TemporaryDirectory(prefix="liveness-metrics-") as folder:
        os.environ[FOLDER_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[FOLDER_VARIABLE]


class Metrics:
    """The metrics of one process, or of all that share a folder. Every label has few values, known beforehand.

    The one exception are the names of keys, which operators give: each process shows at most `max_key_names` of them,
    0 by default. What is counted of a process that died stays counted; what it had in flight does not.
    """

    def __init__(self, max_key_names: int = 0) -> None:
        if folder := os.environ.get(FOLDER_VARIABLE):
            _take_room(Path(folder), ["counter", "histogram", *(["gauge_mostrecent"] if max_key_names else [])])
        self._registry = registry = CollectorRegistry()
        judgements = Counter(
            "liveness_judgements_total",
            "Pictures asked about, by outcome (verdict, rejected, unavailable) and what it was in particular.",
            ["outcome", "reason"],
            registry=registry,
        )
        verdicts = ["live", "attack", *(reason.value.lower() for reason in Reason)]
        self._judged = {reason: judgements.labels("verdict", reason) for reason in verdicts}
        for outcome, base in (("rejected", RequestRejected), ("unavailable", ServiceUnavailable)):
            for error in base.__subclasses__():
                reason = outcome_name(error())
                self._judged[reason] = judgements.labels(outcome, reason)
        scores = Histogram(
            "liveness_score", "P(live) of the faces judged.", ["verdict"], buckets=_SCORE_BUCKETS, registry=registry
        )
        self._scores = {verdict: scores.labels(verdict) for verdict in ("live", "attack")}
        self._stages = Histogram(
            "liveness_stage_duration_seconds",
            "Time that a picture spent in each stage.",
            ["stage"],
            buckets=_STAGE_BUCKETS_S,
            registry=registry,
        )
        self._stage: dict[str, Histogram] = {}
        self._refusals = Counter(
            "liveness_queue_refusals_total", "Pictures and batches that found no place in time.", registry=registry
        )
        self._triton_errors = Counter(
            "liveness_triton_errors_total", "Pictures that Triton gave no usable score for.", registry=registry
        )
        refused_connections = Counter(
            "liveness_connections_refused_total",
            "Connections ended before there was a request on them, by why.",
            ["reason"],
            registry=registry,
        )
        self._refused_connections: dict[type[LivenessError], Counter] = {
            error_type: refused_connections.labels(outcome_name(error_type()))
            for error_type in (HeadTooLarge, MalformedRequest, Overloaded, RequestTooSlow)
        }
        self._near_limit = Counter(
            "liveness_verdicts_near_limit_total",
            f"Verdicts for keys that have used {NEAR_LIMIT:.0%} of their limit or more.",
            registry=registry,
        )
        self._key_used = Gauge(
            "liveness_key_used_ratio",
            "Used share of a key's limit at its last verdict, by the key's name.",
            ["key"],
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._max_key_names = max_key_names
        self._key_names: dict[str, Gauge] = {}
        self._requests = Counter(
            "liveness_http_requests_total", "Requests answered.", ["route", "status"], registry=registry
        )
        self._durations = Histogram(
            "liveness_http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ["route"],
            buckets=_REQUEST_BUCKETS_S,
            registry=registry,
        )
        self._answered: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._in_flight = Gauge(
            "liveness_requests_in_flight",
            "Requests for verdicts that are not answered yet.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        Gauge(
            "liveness_build_info",
            "1; the version is the label.",
            ["version"],
            multiprocess_mode="max",
            registry=registry,
        ).labels(service_version()).set(1)

    def connection_refused(self, error_type: type[LivenessError]) -> None:
        """Count a connection that was ended for this error without a request on it."""
        self._refused_connections[error_type].inc()

    def observe(self, observation: Observation) -> None:
        """Count one picture."""
        outcome = observation.outcome
        reason = outcome_name(outcome)
        self._judged[reason].inc()
        for stage, seconds in observation.stages_s.items():
            (self._stage.get(stage) or self._known_stage(stage)).observe(seconds)
        if isinstance(outcome, Verdict):
            if reason in self._scores:
                self._scores[reason].observe(outcome.liveness_score)
            if observation.key_used_ratio is not None and observation.key_name is not None:
                self._observe_key(observation.key_name, observation.key_used_ratio)
        elif isinstance(outcome, Overloaded):
            self._refusals.inc()
        elif isinstance(outcome, ScoringFailed):
            self._triton_errors.inc()

    def request_begun(self, path: str) -> None:
        """A request has arrived."""
        if path.startswith("/liveness"):
            self._in_flight.inc()

    def request_ended(self, request: EndedRequest) -> None:
        """Count one request."""
        if request.path.startswith("/liveness"):
            self._in_flight.dec()
        requests, duration_s = self._answered.get((request.route, request.status)) or self._known_answer(request)
        requests.inc()
        duration_s.observe(request.duration_s)
        if request.route == "/liveness/batch" and request.outcome == outcome_name(Overloaded()):
            self._refusals.inc()  # the batch as a whole: none of its pictures came as far as `observe`

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """Everything counted so far, and the media type of that text, as the Accept header of a scrape asks for."""
        try:
            encode, content_type = choose_encoder(accept)
        except TypeError:  # the version that is asked for, in quotes or any text, is compared with numbers
            encode, content_type = choose_encoder("")
        return encode(self._all()), content_type

    def _all(self) -> CollectorRegistry:
        if not (folder := os.environ.get(FOLDER_VARIABLE)):
            return self._registry
        for file in Path(folder).glob("gauge_live*_*.db"):
            pid = int(file.stem.rpartition("_")[2])
            if not psutil.pid_exists(pid):
                with suppress(FileNotFoundError):  # another scrape was quicker
                    mark_process_dead(pid, folder)  # type: ignore[no-untyped-call]
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        return registry

    def _known_answer(self, request: EndedRequest) -> tuple[Counter, Histogram]:
        metrics = self._requests.labels(request.route, str(request.status)), self._durations.labels(request.route)
        return self._answered.setdefault((request.route, request.status), metrics)

    def _known_stage(self, stage: str) -> Histogram:
        return self._stage.setdefault(stage, self._stages.labels(stage))

    def _observe_key(self, name: str, used_ratio: float) -> None:
        if used_ratio >= NEAR_LIMIT:
            self._near_limit.inc()
        if name not in self._key_names and len(self._key_names) < self._max_key_names:
            self._key_names[name] = self._key_used.labels(name)
        if (gauge := self._key_names.get(name)) is not None:
            gauge.set(used_ratio)


def _take_room(folder: Path, kinds: Iterable[str]) -> None:
    """Make the files that prometheus_client maps into memory, with their room on the disk.

    It would make them sparse, and who writes into a map that a full disk has no room for is killed (SIGBUS). They get
    their names last, for a scrape takes none that is empty.
    """
    for kind in kinds:
        file = folder / f"{kind}_{os.getpid()}.db"
        new = file.with_suffix(".new")
        with suppress(OSError), new.open("wb") as opened:
            os.posix_fallocate(opened.fileno(), 0, FILE_BYTES)
            if not file.exists():
                new.rename(file)
