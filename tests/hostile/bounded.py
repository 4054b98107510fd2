"""What an application tells `BoundedHttp` when it starts."""

from typing import Any

from frontend.connections import ConnectionLimits
from frontend.stopping import Stopping


async def lifespan(limits: ConnectionLimits, scope: Any, receive: Any, send: Any) -> None:
    """The start and the end of an application whose connections have these limits (ASGI's lifespan protocol)."""
    scope["state"] |= {"connection_limits": limits, "stopping": Stopping(), "connection_refused": print}
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
