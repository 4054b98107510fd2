"""Is each thing that a verdict needs there? Each is tried for real, never believed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from frontend.errors import ServiceUnavailable
from frontend.stopping import Stopping

Probe = Callable[[], Awaitable[None]]


class Readiness:
    """Tries every dependency at once, and again only after `max_age_s`, so that polling costs little."""

    def __init__(
        self, probes: Mapping[str, Probe], *, timeout_s: float, stopping: Stopping, max_age_s: float = 0.5
    ) -> None:
        self._probes = probes
        self._timeout_s = timeout_s
        self._stopping = stopping
        self._max_age_s = max_age_s
        self._lock = asyncio.Lock()
        self._tried_at_s = float("-inf")
        self._states: dict[str, str] = {}

    async def states(self) -> Mapping[str, str]:
        """Dependency → "ok", or what is wrong with it."""
        if self._stopping.begun:
            return {"service": "is stopping"}
        async with self._lock:
            if time.monotonic() - self._tried_at_s > self._max_age_s:
                results = await asyncio.gather(*(self._state(probe) for probe in self._probes.values()))
                self._states = dict(zip(self._probes, results, strict=True))
                self._tried_at_s = time.monotonic()
            return self._states

    async def is_ready(self) -> bool:
        """Whether a verdict could be given now."""
        return all(state == "ok" for state in (await self.states()).values())

    async def _state(self, probe: Probe) -> str:
        try:
            await asyncio.wait_for(probe(), self._timeout_s)
        except asyncio.TimeoutError:
            return f"no answer within {self._timeout_s:g} s"
        except ServiceUnavailable as error:
            return str(error)
        return "ok"
