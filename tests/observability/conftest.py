"""A service of two processes, with its metrics, its log and keys of its own."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import psutil
import pytest

from frontend.keys.store import KeyRecord, new_hash_id
from tests.conftest import Stack, _create, running
from tests.observability.collector import Collector, collecting


@dataclass(frozen=True)
class Workers(Stack):
    """A running service of two worker processes."""

    log: Path

    def pids(self) -> set[int]:
        """The processes that serve."""
        children = psutil.Process(self.process.pid).children()
        serving = set()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):  # a zombie is none either
                if "multiprocessing.spawn" in " ".join(child.cmdline()):
                    serving.add(child.pid)
        return serving


@pytest.fixture(scope="package")
def collector() -> Iterator[Collector]:
    """The collector that the service of two processes, and its Triton, send their spans to."""
    with collecting() as running_collector:
        yield running_collector


@pytest.fixture(scope="package")
def workers(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Workers]:
    data_dir = tmp_path_factory.mktemp("workers")
    log = data_dir / "stderr.log"
    settings = {
        "port": 0,
        "data_dir": data_dir,
        "workers": 2,
        "metrics_key_names": 2,
        "otlp_endpoint": collector.url,
        "trace_sample_ratio": 0,
    }
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as service:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")
        process, ready = service.enter_context(running("up", "Ctrl-C", log=log, timeout_s=110, **settings))
        url = ready.split("Services is live: ")[1].split()[0]
        yield Workers(url, data_dir, process, ready, log)


@pytest.fixture(scope="package")
def workers_key(workers: Workers) -> Callable[..., str]:
    """Make a key of the service of two processes: its name and limit, then its hash_id is returned."""
    numbers = count()

    def make(name: str | None = None, limit: int | None = None) -> str:
        hash_id = new_hash_id()
        record = KeyRecord(name or f"key-{next(numbers)}", limit, 0, datetime.now(timezone.utc))
        asyncio.run(_create(workers.keys_url, hash_id, record))
        return hash_id

    return make


@pytest.fixture(scope="package")
def without_triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    """A service of one process that judges one picture at a time, in front of a Triton that is not there."""
    data_dir = tmp_path_factory.mktemp("bare")
    log = data_dir / "stderr.log"
    settings = {
        "triton_url": "127.0.0.1:9",
        "model_repository": data_dir,
        "data_dir": data_dir,
        "port": 0,
        "max_in_flight": 1,
        "log_format": "text",
    }
    with running("serve", "listening", log, **settings) as (process, ready):
        yield Workers(ready.split()[-1], data_dir, process, ready, log)
