"""The worker processes of the HTTP service, and who looks after them."""

import logging
import signal
import time
from functools import partial
from socket import socket
from weakref import WeakKeyDictionary

from fastapi import FastAPI
from uvicorn.config import Config
from uvicorn.server import Server
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from frontend.cli.listener import SharingServer
from frontend.errors import StartRefused
from frontend.shared_count import SharedCount, shared_counts

SILENCE_S = 30
"""A worker silent for so long is hung, and is replaced. It is silent while it starts, which on a busy machine takes
longer than uvicorn's own 5 s: there a worker would be killed again and again and never come to serve."""
_PONG_WAIT_S = 0.1
_STOP_POLL_S = 0.1

logger = logging.getLogger(__name__)


class Worker(Process):
    """A process that serves, one of those that share its sockets."""

    def __init__(self, config: Config, sockets: list[socket], connections: SharedCount, at_work: SharedCount) -> None:
        self._connections = connections
        self._at_work = at_work
        super().__init__(config, sockets)

    @property
    def server(self) -> Server:
        """What runs in the process."""
        if self._server is None:
            self.config.app = partial(_worker_app, self._at_work)
            self._server = SharingServer(self.config, self._connections)
        return self._server


class Workers(Multiprocess):
    """uvicorn's worker processes, behind an address that refuses connections as soon as they have stopped to accept.

    Of those that die none is waited for: uvicorn waits for each one's answer in turn, also for that of one which was
    killed after it was asked, and hears no signal meanwhile. Those that have not stopped `stop_within_s` after they
    were told to, or at a second signal, are killed.
    """

    _started_at_s: "WeakKeyDictionary[Process, float]"
    _heard_at_s: "WeakKeyDictionary[Process, float]"
    _failed = False

    def __init__(self, config: Config, sockets: list[socket], *, stop_within_s: float) -> None:
        on_hang_up = signal.getsignal(signal.SIGHUP)
        super().__init__(config, sockets)
        signal.signal(signal.SIGHUP, on_hang_up)  # to uvicorn it means to start the workers anew
        self._stop_within_s = stop_within_s

    def init_processes(self) -> None:
        """Start them."""
        self._started_at_s = WeakKeyDictionary()
        self._heard_at_s = WeakKeyDictionary()
        self._connections = shared_counts(self.processes_num)
        self._at_work = shared_counts(self.processes_num)
        self.processes = [self._started(place) for place in range(self.processes_num)]

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM; StartRefused when a process cannot start."""
        super().run()
        if self._failed:
            raise StartRefused("a process of the service failed to start: the log above says why")

    def handle_ttin(self) -> None:
        """Nothing: an operator replaces a whole service, not its processes."""

    handle_ttou = handle_ttin

    def _started(self, place: int) -> Worker:
        """A new one, deaf to the SIGHUP that a closed terminal sends to all its processes: it is stopped from here."""
        worker = Worker(self.config, self.sockets, self._connections[place], self._at_work[place])
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})  # which the child inherits
        worker.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._started_at_s[worker] = time.monotonic()
        return worker

    def keep_subprocess_alive(self) -> None:
        """Replace those that are dead or hung; stop where one failed to start."""
        for place, worker in enumerate(self.processes):
            if self.should_exit.is_set() or self._is_well(worker):
                continue
            worker.kill()
            worker.join()
            if self._failed_to_start(worker):
                self._failed = True
                self.should_exit.set()
                return
            logger.warning("worker process %s died or hung, another takes its place", worker.pid)
            self.processes[place] = self._started(place)

    def terminate_all(self) -> None:
        """Tell the workers to stop, and hold their address no longer than they do."""
        super().terminate_all()
        for listener in self.sockets:
            listener.close()

    def join_all(self) -> None:
        """Wait until all have stopped."""
        end_s = time.monotonic() + self._stop_within_s
        for worker in self.processes:
            while worker.process.is_alive():
                if time.monotonic() > end_s or {signal.SIGINT, signal.SIGTERM}.intersection(self.signal_queue):
                    logger.warning("worker process %s has not stopped and is killed", worker.pid)
                    worker.kill()
                worker.process.join(_STOP_POLL_S)

    def _failed_to_start(self, ended: Process) -> bool:
        """Whether it ended soon and by an error of its own, not by a signal: the next one would fare no better."""
        soon = time.monotonic() - self._started_at_s[ended] < SILENCE_S
        return soon and ended.exitcode is not None and ended.exitcode > 0

    def _is_well(self, worker: Process) -> bool:
        if not worker.process.is_alive():
            return False
        now_s = time.monotonic()
        if worker.ping(_PONG_WAIT_S):
            self._heard_at_s[worker] = now_s
            while worker.parent_conn.poll():  # answers to earlier questions, which came too late
                worker.parent_conn.recv()
        return now_s - self._heard_at_s.setdefault(worker, now_s) < SILENCE_S


def _worker_app(at_work: SharedCount) -> FastAPI:
    from frontend.worker import worker_app  # in the process that serves: here nobody else needs it

    return worker_app(at_work)
