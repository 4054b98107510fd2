"""What uvicorn calls in each process that serves."""

import ctypes
import multiprocessing
import os
import signal

from fastapi import FastAPI

from frontend.app import create_app
from frontend.logs import start_logging
from frontend.scheduling import take_long_turns
from frontend.settings import load_settings
from frontend.shared_count import SharedCount
from frontend.stopping import notice_before_stopping

_PR_SET_PDEATHSIG = 1


def worker_app(at_work: SharedCount | None = None) -> FastAPI:
    """The application, out of the environment's settings; uvicorn calls this inside its event loop."""
    settings = load_settings()
    start_logging(settings.log_level, settings.log_format)
    if (parent := multiprocessing.parent_process()) is not None and parent.pid is not None:
        _stop_with_parent(parent.pid)
    take_long_turns()
    app = create_app(settings, at_work)
    notice_before_stopping(app.state.stopping, settings.stop_notice_s)
    return app


def _stop_with_parent(parent_pid: int) -> None:
    """Drain and stop, as at SIGTERM, when the parent dies, even by `kill -9`: see prctl(2), PR_SET_PDEATHSIG."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent_pid:  # it died before the line above
        os.kill(os.getpid(), signal.SIGTERM)
