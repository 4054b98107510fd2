"""What the goals are measured with: services, loops and pictures, each made when it is first asked for."""

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property, partial
from pathlib import Path

from benchmarks.lib.corpus import Picture, large_selfie, selfie
from benchmarks.lib.load import Load, closed_loop
from benchmarks.lib.perf_analyzer import write_input_data
from benchmarks.lib.stack import Service, running_stack
from benchmarks.lib.work import Worker
from frontend.embedded import EmbeddedTriton
from frontend.settings import Settings, load_settings

WARM_UP_CONCURRENCY = 8


class Rig:
    """Everything that is measured runs one after the other on `cores`; `stack` closes what was started."""

    def __init__(self, stack: ExitStack, seconds: int, open_seconds: int) -> None:
        self._stack = stack
        self.seconds = seconds
        self.open_seconds = open_seconds
        self.cores = sorted(os.sched_getaffinity(0))

    @cached_property
    def settings(self) -> Settings:
        """The service's settings in this environment."""
        return load_settings()

    @cached_property
    def selfie(self) -> Picture:
        """1280×960."""
        return selfie()

    @cached_property
    def large(self) -> Picture:
        """12 megapixels."""
        return large_selfie()

    @cached_property
    def workers(self) -> list[Worker]:
        """One for each core."""
        return [Worker() for _ in self.cores]

    @property
    def passes(self) -> list[Callable[[], float]]:
        """For each core, one pass of the unavoidable work on the selfie."""
        return [partial(worker.judge, self.selfie.data) for worker in self.workers]

    @cached_property
    def service(self) -> Service:
        """`liveness up` on all cores."""
        return self._warm(self._stack.enter_context(running_stack()))

    @cached_property
    def service_on_one_core(self) -> Service:
        """`liveness up`, and its load, on the first core alone."""
        return self._warm(self._stack.enter_context(running_stack(self.cores[:1])))

    @cached_property
    def triton(self) -> EmbeddedTriton:
        """A Triton by itself, on the repository as it is."""
        return self._stack.enter_context(
            EmbeddedTriton(
                model_repository=self.settings.model_repository,
                model=self.settings.triton_model,
                runtime_dir=self._folder,
                start_timeout_s=self.settings.triton_start_timeout_s,
            )
        )

    @cached_property
    def crops_file(self) -> Path:
        """Real crops, in the form that perf_analyzer reads."""
        file = self._folder / "crops.json"
        write_input_data(file, [self.selfie, self.large])
        return file

    def load(self, service: Service, picture: Picture, concurrency: int) -> Load:
        """A closed loop of the usual length."""
        return closed_loop(service.target([picture]), concurrency, self.seconds)

    @cached_property
    def _folder(self) -> Path:
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="liveness-benchmark-")))

    def _warm(self, service: Service) -> Service:
        closed_loop(service.target([self.selfie]), WARM_UP_CONCURRENCY, self.seconds)
        return service
