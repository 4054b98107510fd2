"""A stop that is announced: first the service calls itself not ready, then it takes no request any more."""

import asyncio
import signal
from dataclasses import dataclass
from types import FrameType


@dataclass
class Stopping:
    """Whether this process has been told to stop."""

    begun: bool = False


def notice_before_stopping(stopping: Stopping, notice_s: float) -> None:
    """Let SIGTERM begin the stop, and only `notice_s` later do what it has done so far; a second one does it at once.

    That time is for a load balancer to see that this process is not ready. To be called in the main thread, inside
    the event loop, once the handler that ends the loop is installed.
    """
    loop = asyncio.get_running_loop()
    end = signal.getsignal(signal.SIGTERM)
    if not callable(end):
        raise TypeError("nobody handles SIGTERM yet")

    def begin(number: int, frame: FrameType | None) -> None:
        if stopping.begun:
            end(number, frame)
        else:
            stopping.begun = True
            loop.call_soon_threadsafe(loop.call_later, notice_s, end, number, None)

    signal.signal(signal.SIGTERM, begin)
