"""A Triton Inference Server of one's own, as a child process."""

import contextlib
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from frontend.embedded.command import command_line, environment, prepare_backends, trace_options
from frontend.embedded.installation import Installation, check_machine, find_installation
from frontend.embedded.log import keep_bounded, reason_of_failure
from frontend.embedded.ports import PortReservation
from frontend.embedded.probe import Probe, ProbeFailed
from frontend.embedded.process import TritonProcess
from frontend.embedded.runs import Run
from frontend.embedded.selfcheck import compare, expected_scores, model_file, sample_crops
from frontend.embedded.supervision import Supervisor
from frontend.errors import StartRefused

POLL_S = 0.03
PROBE_TIMEOUT_S = 4.0
PORT_ATTEMPTS = 3
PORT_TAKEN = "already in use"
SUPERVISOR_WAIT_S = 6.0


class _PortTaken(StartRefused):
    """Another program listens on a port that was free."""


def _ignore(_: str) -> None:
    """The listener of whoever wants no events."""


class EmbeddedTriton:
    """Starts tritonserver on free ports of 127.0.0.1, restarts it when it fails, and leaves nothing behind.

    `url` and `metrics_url` ("127.0.0.1:PORT") hold from `start` on, over all restarts. Its log is `log_path`.
    `on_event` gets short lines for the service's log, from another thread. Spans go to the collector at
    `otlp_endpoint`, if there is one. One object is for one start.
    """

    def __init__(
        self,
        *,
        model_repository: Path,
        model: str,
        runtime_dir: Path,
        start_timeout_s: float,
        on_event: Callable[[str], None] = _ignore,
        otlp_endpoint: str = "",
    ) -> None:
        self._model_repository = model_repository
        self._model = model
        self._runtime_dir = runtime_dir
        self._start_timeout_s = start_timeout_s
        self._on_event = on_event
        self._otlp_endpoint = otlp_endpoint
        self.log_path = runtime_dir / "triton.log"
        self._stopping = threading.Event()
        self._resources = contextlib.ExitStack()
        self._process: TritonProcess | None = None
        self._supervisor: Supervisor | None = None
        self._sample = sample_crops(1)
        self._reserve_ports()

    def start(self) -> None:
        """Block until a real inference has been answered as ONNX Runtime answers it in this process.

        Raises StartRefused with the cause, within `start_timeout_s`, leaving nothing behind.
        """
        try:
            check_machine()
            self._runtime_dir.mkdir(parents=True, exist_ok=True)
            self._run = Run(self._runtime_dir.resolve())
            self._resources.callback(self._run.close)
            self._launch_on_free_ports()
        except OSError as error:
            self.stop()
            raise StartRefused(f"the embedded Triton cannot start: {error}") from error
        except BaseException:
            self.stop()
            raise
        self._supervisor = Supervisor(self, self._on_event)
        self._supervisor.start()

    def stop(self) -> None:
        """End Triton within a few seconds; no process or folder of it is left. May be called again."""
        self._stopping.set()
        if self._supervisor is not None:
            self._supervisor.ask_to_stop()
        if self._process is not None:
            self._process.stop()
        if self._supervisor is not None:
            self._supervisor.join(SUPERVISOR_WAIT_S)
        if self._process is not None:  # a restart may have been under way
            self._process.kill()
        self._resources.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    # What the supervisor asks for

    def has_died(self) -> bool:
        """Whether tritonserver is gone."""
        keep_bounded(self.log_path)
        return self._process is not None and self._process.has_ended

    def is_suspended(self) -> bool:
        """Whether tritonserver is stopped (SIGSTOP)."""
        return self._process is not None and self._process.is_suspended

    def infer(self) -> None:
        """Make one inference; ProbeFailed if it comes to nothing."""
        self._probe.infer(self._sample, PROBE_TIMEOUT_S)

    def restart(self) -> None:
        """Kill whatever is left and start again on the same ports; StartRefused or OSError if that fails."""
        if self._process is not None:
            self._process.kill()
        self._launch()

    # Starting

    def _reserve_ports(self) -> None:
        self._http = self._resources.enter_context(contextlib.closing(PortReservation()))
        self._metrics = self._resources.enter_context(contextlib.closing(PortReservation()))
        self.url = self._http.address
        self.metrics_url = self._metrics.address
        self._probe = Probe(self.url, self._model)

    def _launch_on_free_ports(self) -> None:
        for _ in range(PORT_ATTEMPTS - 1):
            with contextlib.suppress(_PortTaken):
                return self._launch()
            self._reserve_ports()
        return self._launch()

    def _launch(self) -> None:
        deadline_s = time.monotonic() + self._start_timeout_s
        model_path = model_file(self._model_repository, self._model)
        installation = find_installation()
        keep_bounded(self.log_path)
        log_offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        process = self._process = self._start_process(installation)
        try:
            expected = expected_scores(model_path)  # while Triton starts
            self._wait_until_ready(process, deadline_s, log_offset)
            compare(self._probe, expected, max(0.1, deadline_s - time.monotonic()))
        except ProbeFailed as error:
            process.kill()
            raise self._refusal(f"Triton is ready but answers no inference: {error}; its log", log_offset) from error
        except BaseException:
            process.kill()
            raise

    def _start_process(self, installation: Installation) -> TritonProcess:
        backends = self._run.directory / "backends"
        shutil.rmtree(backends, ignore_errors=True)
        prepare_backends(backends, installation)
        command = command_line(
            installation,
            model_repository=self._model_repository,
            backends=backends,
            server_id=self._run.token,
            http_port=self._http.port,
            metrics_port=self._metrics.port,
        )
        command += trace_options(self._otlp_endpoint)
        return TritonProcess(command, environment(), directory=self._run.directory, log=self.log_path)

    def _wait_until_ready(self, process: TritonProcess, deadline_s: float, log_offset: int) -> None:
        while not self._is_ready():
            if self._stopping.is_set():
                raise StartRefused("Triton was told to stop while it started")
            if process.has_ended:
                raise self._refusal("Triton did not start", log_offset)
            if time.monotonic() > deadline_s:
                raise self._refusal(f"Triton was not ready after {self._start_timeout_s:g} s", log_offset)
            time.sleep(POLL_S)

    def _refusal(self, trouble: str, log_offset: int) -> StartRefused:
        reason = reason_of_failure(self.log_path, log_offset)
        return (_PortTaken if PORT_TAKEN in reason else StartRefused)(f"{trouble}: {reason}")

    def _is_ready(self) -> bool:
        """Whether OUR server is ready: a stranger's on this port would have another name."""
        try:
            return self._probe.server_id(1.0) == self._run.token and self._probe.is_ready(1.0)
        except ProbeFailed:
            return False
