"""The whole service on this machine: Triton, the keys and HTTP, started and stopped together."""

import asyncio
import http.client
import logging
import shlex
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from frontend.cli.demo import DemoKey, demo_key, demo_picture
from frontend.cli.server import (
    check_dependencies,
    exit_on_sigterm,
    listening_socket,
    serve_http,
)
from frontend.embedded import EmbeddedTriton
from frontend.errors import StartRefused
from frontend.http_url import http_url
from frontend.keys.homes import key_store
from frontend.logs import start_logging
from frontend.safety import refuse_insecure
from frontend.settings import Settings

logger = logging.getLogger(__name__)


def run_stack(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; raises StartRefused or KeyStoreUnavailable when it cannot start."""
    if settings.triton_url:
        raise StartRefused("LIVENESS_TRITON_URL is set: `liveness up` starts a Triton of its own; use `liveness serve`")
    if "page" not in settings.model_fields_set:
        settings = settings.model_copy(update={"page": True})
    start_logging(settings.log_level, settings.log_format)
    exit_on_sigterm()
    refuse_insecure(settings)
    console = Console(stderr=True)
    started_at_s = time.monotonic()
    try:
        with listening_socket(settings) as listener:
            host, port = listener.getsockname()[:2]
            prepare_data_dir(settings)
            check_dependencies(settings)
            console.print("starting Triton Inference Server …")
            with EmbeddedTriton(
                model_repository=settings.model_repository,
                model=settings.triton_model,
                runtime_dir=settings.data_dir / "triton",
                start_timeout_s=settings.triton_start_timeout_s,
                on_event=logger.warning,
                otlp_endpoint=settings.otlp_endpoint,
            ) as triton:
                where = f"Triton answers at {triton.url}, its log is {triton.log_path}"
                console.print(where, markup=False, soft_wrap=True)
                key, picture = asyncio.run(_demo_key(settings)), demo_picture(settings.data_dir)
                arguments = (settings, http_url(host, port), key, picture, started_at_s)
                threading.Thread(target=_announce, args=arguments, daemon=True).start()
                serve_http(settings.model_copy(update={"triton_url": triton.url, "port": port}), listener)
    except KeyboardInterrupt:
        pass
    finally:
        console.print("stopped")


def prepare_data_dir(settings: Settings) -> None:
    """Make the folder that only its owner may read; StartRefused when it cannot be."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"cannot make {settings.data_dir} ({error.strerror}): set LIVENESS_DATA_DIR") from None


async def _demo_key(settings: Settings) -> DemoKey:
    store = key_store(settings.effective_keys_url, settings.keys_timeout_s)
    try:
        await store.open()
        return await demo_key(store, settings.data_dir)
    finally:
        await store.close()


def _announce(settings: Settings, url: str, key: DemoKey, picture: Path, started_at_s: float) -> None:
    """Print how to use the service, once it answers over HTTP that it is ready."""
    while not is_live(url):
        time.sleep(0.1)
    before = f"""printf '{{"hash_id": "{key.hash_id}", "selfie_image": "'"""
    request = f"""({before}; base64 < {shlex.quote(str(picture))}; printf '"}}') | tr -d '\\n'"""
    curl = f"{request} | curl --noproxy '*' -sS -H 'Content-Type: application/json' --data-binary @- {url}/liveness"
    left = "no limit" if key.limit is None else f"{key.left} of {key.limit} requests left"
    lines = [
        "",
        f"Services is live: {url} (after {time.monotonic() - started_at_s:.1f} s; documentation at {url}/docs)",
        f"demo hash_id: {key.hash_id} ({left})",
        *([f"try it in a browser: {url}/ asks for this hash_id"] if settings.page else []),
        "try it on a drawn face on a phone's screen, which is an attack, or put your own picture in its place:",
        f"  {curl}; echo",
        "Ctrl-C stops it.",
    ]
    with suppress(BrokenPipeError):  # whoever has read enough
        print(*lines, sep="\n", file=sys.stdout, flush=True)


def is_live(url: str) -> bool:
    """Whether the service says so; it is asked directly, whatever proxy the environment names."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", "/status_check")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
