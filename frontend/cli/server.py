"""The HTTP service: its address, its checks before the start, its worker processes."""

import asyncio
import os
import resource
import signal
import socket
from types import FrameType

import uvicorn

from frontend.audit.log import audit_log
from frontend.calibration import load_calibration
from frontend.cli.keys import keys_home
from frontend.cli.workers import Workers
from frontend.connections import BoundedHttp
from frontend.core_dumps import forbid_core_dumps
from frontend.errors import StartRefused
from frontend.faces import FaceDetector
from frontend.http_url import authority_of, http_url
from frontend.logs import start_logging
from frontend.metrics import shared_between_processes
from frontend.safety import refuse_insecure
from frontend.settings import Settings

OTHER_OPEN_FILES = 64
"""Kept free beside clients' connections and those to Triton and the key database: files, libraries, the event loop."""

CLOSING_S = 5.0
"""For a process to let go of its dependencies, once it has nothing to do any more."""


def run_server(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM, on the Triton that the settings name.

    Raises StartRefused or KeyStoreUnavailable when it cannot start.
    """
    start_logging(settings.log_level, settings.log_format)
    exit_on_sigterm()
    refuse_insecure(settings)
    if not settings.triton_url:
        raise StartRefused("LIVENESS_TRITON_URL is empty: set host:port of Triton, or use `liveness up`")
    with listening_socket(settings) as listener:
        check_dependencies(settings)
        host, port = listener.getsockname()[:2]
        print(f"listening on {http_url(host, port)}", flush=True)
        serve_http(settings, listener)


def exit_on_sigterm() -> None:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that every `with` lets go of what it holds.

    SIGHUP, of a terminal that is closed, does what SIGTERM does by then, once: it may come from shell and kernel both.
    Under `nohup` it stays ignored.
    """

    def leave(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    def hang_up(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)
        signal.raise_signal(signal.SIGTERM)

    signal.signal(signal.SIGTERM, leave)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, hang_up)


def listening_socket(settings: Settings) -> socket.socket:
    """The service's address, taken before anything slow is started; StartRefused when it cannot be had."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
    except socket.gaierror as error:
        raise StartRefused(f"LIVENESS_HOST={settings.host} has no address here: {error.strerror}") from None
    except OSError as error:
        raise StartRefused(
            f"cannot listen on {authority_of(settings.host, settings.port)} ({error.strerror}): "
            "stop what holds it, or set LIVENESS_HOST and LIVENESS_PORT"
        ) from None
    return listener


def check_dependencies(settings: Settings) -> None:
    """Open the keys' home, the audit log, the face detector and the calibration before any worker does.

    Raises StartRefused or KeyStoreUnavailable.
    """
    FaceDetector(settings.face_threshold)
    load_calibration(settings)

    async def open_keys() -> None:
        if audit := audit_log(settings):
            await audit.close()
        store = keys_home(settings)
        try:
            await store.open()
        finally:
            await store.close()

    asyncio.run(open_keys())


def serve_http(settings: Settings, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is in flight; workers read the settings from the environment."""
    forbid_core_dumps()
    os.environ.update({f"LIVENESS_{name.upper()}": str(value) for name, value in settings.model_dump().items()})
    _allow_open_files(settings)
    config = uvicorn.Config(
        "frontend.worker:worker_app",
        factory=True,
        workers=settings.processes,
        log_config=None,
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        server_header=False,
        http=BoundedHttp,
        ws="none",
        timeout_graceful_shutdown=settings.stop_timeout_s,
    )
    if settings.processes > 1:
        with shared_between_processes():
            stop_within_s = settings.stop_notice_s + settings.stop_timeout_s + CLOSING_S
            Workers(config, [listener], stop_within_s=stop_within_s).run()
    else:
        uvicorn.Server(config).run(sockets=[listener])


def _allow_open_files(settings: Settings) -> None:
    """Raise the limit on open files as far as the connections need it; StartRefused where the machine's is too low."""
    needed = settings.max_connections + 2 * settings.max_in_flight + OTHER_OPEN_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise StartRefused(
            f"{hard} files may be open, {needed} are needed: raise `ulimit -n`, or lower LIVENESS_MAX_CONNECTIONS"
        )
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
