"""Several Tritons behind one frontend: which is asked, which is left out for a while, and who asks again.

Each question goes to the server with the fewest questions under way. One that fails, or takes `SLOW_FACTOR` times as
long as the fastest, is ejected: it is asked only where no other is left, until an inference of the pool's own succeeds
there. A failed question is asked again of another server within the same deadline, and of none twice. That cannot count
a verdict twice, for the service counts it once, after the score. A budget (`RETRY_BURST`, then one in ten answers)
keeps servers that are merely overloaded from being asked ever more.

Why here: Docker's and Kubernetes' own balancing chooses a server for each connection, and these are kept for hours;
neither sees that a server which accepts connections has ceased to judge. A proxy between is one more hop, and one more
thing to fail. Of Python's HTTP libraries none balances; gRPC does, but its client costs the event loop several times
what `triton_http` does.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Set
from contextlib import suppress
from statistics import median
from typing import TypeVar

from frontend.errors import ScoringFailed
from frontend.http_url import authority_of
from frontend.triton_addresses import parse_addresses, resolve
from frontend.triton_http import TritonConnections

RESOLVE_EVERY_S = 2.0
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 5.0
SLOW_FACTOR = 5.0
SLOW_FROM_S = 0.1
"""Below it no server is called slow."""
LATENCIES = 5
"""The newest answers of a server by whose median it is called slow: one alone, as the first of all, says little."""
RETRY_BURST = 64.0
RETRY_SHARE = 0.1

logger = logging.getLogger(__name__)
T = TypeVar("T")


class TritonServer:
    """One Triton at an address; `authority` is what the operator called it, for the Host header."""

    def __init__(self, host: str, port: int, authority: str) -> None:
        self.name = authority_of(host, port)
        self.authority = authority
        self.connections = TritonConnections(host, port)
        self.under_way = 0
        self.latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self.trouble = ""
        """Why it is ejected; empty while it is asked."""

    @property
    def latency_s(self) -> float:
        """The median of the newest answers; 0 before there are enough."""
        return median(self.latencies_s) if len(self.latencies_s) == LATENCIES else 0.0


Question = Callable[[TritonServer, float], Awaitable[T]]
"""Asks one server, within so many seconds; raises ScoringFailed."""


class TritonPool:
    """The servers that `url` names, each asked over kept connections; `timeout_s` bounds a question with its repeats.

    A name is resolved anew every `RESOLVE_EVERY_S`; addresses that have gone from it are no longer asked. `trial` is
    what an ejected server must answer before it is asked again. Belongs to one event loop; `close` it there.
    """

    def __init__(self, url: str, timeout_s: float, trial: Question[object]) -> None:
        self._endpoints = parse_addresses(url)
        self._timeout_s = timeout_s
        self._trial = trial
        self._servers: dict[tuple[str, int], TritonServer] = {}
        self._trials: dict[TritonServer, asyncio.Task[None]] = {}
        self._probes: set[asyncio.Task[ScoringFailed | None]] = set()
        self._resolving: asyncio.Task[None] | None = None
        self._resolve_at_s = float("-inf")
        self._retries_left = RETRY_BURST
        self._turn = 0

    def close(self) -> None:
        """End the trials and close the connections."""
        for task in (*self._probes, *self._trials.values(), *([self._resolving] if self._resolving else [])):
            task.cancel()
        for server in self._servers.values():
            server.connections.close()

    def states(self) -> Mapping[str, str]:
        """Server → "ok", or why it is ejected."""
        return {server.name: server.trouble or "ok" for server in self._servers.values()}

    async def ask(self, question: Question[T]) -> T:
        """The answer of the first server that gives one within the deadline; else the last ScoringFailed."""
        deadline_s = await self._deadline_s()
        tried: set[TritonServer] = set()
        while True:
            server, leave_half = self._choose(tried)
            tried.add(server)
            try:
                return await self._ask_one(server, question, deadline_s, leave_half=leave_half)
            except ScoringFailed:
                if tried.issuperset(self._servers.values()):
                    await self._resolved(deadline_s)  # a server that was started anew may have another address
                if tried.issuperset(self._servers.values()) or not self._may_ask_again(deadline_s):
                    raise

    async def ask_each(self, question: Question[object]) -> None:
        """Ask every server that is not ejected, until one answers; the others find out by themselves how they are.

        Raises ScoringFailed when none answers.
        """
        deadline_s = await self._deadline_s()
        servers = [*self._servers.values()]
        asked = [server for server in servers if not server.trouble] or servers

        async def failure_of(server: TritonServer) -> ScoringFailed | None:
            try:
                await self._ask_one(server, question, deadline_s, leave_half=False)
            except ScoringFailed as failure:
                return failure
            return None

        tasks = {asyncio.get_running_loop().create_task(failure_of(server)) for server in asked}
        self._probes |= tasks
        for task in tasks:
            task.add_done_callback(self._probes.discard)
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            failures = [failure for task in done if (failure := task.result())]
            if len(failures) < len(done):
                return
        raise failures[0]

    def _choose(self, tried: Set[TritonServer]) -> tuple[TritonServer, bool]:
        """The untried server to ask, and whether to leave time for another one that is not ejected either."""
        left = [server for server in self._servers.values() if server not in tried]
        fit = [server for server in left if not server.trouble]
        candidates = fit or left
        self._turn += 1
        first = self._turn % len(candidates)
        server = min(candidates[first:] + candidates[:first], key=_under_way)
        return server, len(fit) > 1 and self._retries_left >= 1

    async def _ask_one(self, server: TritonServer, question: Question[T], deadline_s: float, *, leave_half: bool) -> T:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        left_s = deadline_s - begun_s
        server.under_way += 1
        try:
            answer = await question(server, left_s / 2 if leave_half else left_s)
        except ScoringFailed as failure:
            self._eject(server, str(failure))
            raise
        finally:
            server.under_way -= 1
        took_s = loop.time() - begun_s
        server.latencies_s.append(took_s)
        if took_s > SLOW_FROM_S and (latency_s := server.latency_s) > self._slow_from_s(server):
            self._eject(server, f"Triton is slow: {latency_s:.2f} s")
        self._retries_left = min(RETRY_BURST, self._retries_left + RETRY_SHARE)
        return answer

    def _may_ask_again(self, deadline_s: float) -> bool:
        if self._retries_left < 1 or asyncio.get_running_loop().time() >= deadline_s:
            return False
        self._retries_left -= 1
        return True

    # Out, and in again

    def _slow_from_s(self, server: TritonServer) -> float:
        others_s = [s.latency_s for s in self._servers.values() if s is not server and not s.trouble]
        known_s = [latency_s for latency_s in others_s if latency_s]
        return max(SLOW_FROM_S, SLOW_FACTOR * min(known_s)) if known_s else self._timeout_s

    def _eject(self, server: TritonServer, trouble: str) -> None:
        if server.trouble or len(self._servers) == 1 or server not in self._servers.values():
            return
        server.trouble = trouble
        logger.warning("Triton at %s is left out: %s", server.name, trouble)
        self._trials[server] = asyncio.get_running_loop().create_task(self._take_back_once_fit(server))

    async def _take_back_once_fit(self, server: TritonServer) -> None:
        pause_s = FIRST_PAUSE_S
        while server.trouble:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            begun_s = asyncio.get_running_loop().time()
            with suppress(ScoringFailed):
                await self._trial(server, self._timeout_s / 2)
                if asyncio.get_running_loop().time() - begun_s < self._slow_from_s(server):
                    server.trouble = ""
        server.latencies_s.clear()
        del self._trials[server]
        logger.warning("Triton at %s judges again", server.name)

    # Names

    async def _deadline_s(self) -> float:
        """When a question that is asked now must be answered; sees to it that there is a server to ask."""
        now_s = asyncio.get_running_loop().time()
        if now_s >= self._resolve_at_s:
            self._begin_to_resolve()
        if not self._servers:
            await self._resolved(now_s + self._timeout_s)
            if not self._servers:
                raise ScoringFailed("Triton is away: its name has no address")
        return now_s + self._timeout_s

    async def _resolved(self, deadline_s: float) -> None:
        left_s = deadline_s - asyncio.get_running_loop().time()
        await asyncio.wait({self._begin_to_resolve()}, timeout=max(0.0, left_s))

    def _begin_to_resolve(self) -> "asyncio.Task[None]":
        loop = asyncio.get_running_loop()
        if self._resolving is None or self._resolving.done():
            self._resolve_at_s = loop.time() + RESOLVE_EVERY_S
            self._resolving = loop.create_task(self._resolve())
        return self._resolving

    async def _resolve(self) -> None:
        found: dict[tuple[str, int], str] = {}
        for host, port in self._endpoints:
            authority = authority_of(host, port)
            try:
                found.update(dict.fromkeys(await resolve(host, port), authority))
            except (OSError, UnicodeError):  # a name server that is away takes no server away
                found.update({key: authority for key, s in self._servers.items() if s.authority == authority})
        for gone in self._servers.keys() - found.keys():
            server = self._servers.pop(gone)
            server.connections.close()
            if task := self._trials.pop(server, None):
                task.cancel()
        for address, authority in found.items():
            if address not in self._servers:
                self._servers[address] = TritonServer(*address, authority)


def _under_way(server: TritonServer) -> int:
    return server.under_way
