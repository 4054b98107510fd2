"""A small application behind `BoundedHttp`, over a real port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from frontend.connections import BoundedHttp, ConnectionLimits
from frontend.stopping import Stopping


async def lifespan(limits: ConnectionLimits, scope: Any, receive: Any, send: Any) -> None:
    """The start and the end of an application whose connections have these limits (ASGI's lifespan protocol)."""
    scope["state"] |= {"connection_limits": limits, "stopping": Stopping(), "connection_refused": print}
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[tuple[uvicorn.Server, tuple[str, int]]]:
    """A server of the application with these options of uvicorn's, and its address."""
    server = uvicorn.Server(uvicorn.Config(app, http=BoundedHttp, log_config=None, lifespan="on", **options))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield server, listener.getsockname()
        finally:
            server.should_exit = True
            thread.join()
