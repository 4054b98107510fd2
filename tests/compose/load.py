"""Ask a service as many callers at once would: a pile of requests, or a steady stream until it is stopped."""

import asyncio
import ssl
from collections import Counter
from pathlib import Path

import aiohttp


class Load:
    """Callers of one service, which post one body and count the answers by status; 0 stands for no answer at all."""

    def __init__(self, url: str, body: bytes, certificate: Path | None = None) -> None:
        self._url = f"{url}/liveness"
        self._body = body
        self._tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=certificate) if certificate else True
        self.statuses: Counter[int] = Counter()
        self.losses: Counter[str] = Counter()
        self.slowest_s = 0.0
        self.last = ""

    async def pile(self, count: int) -> None:
        """`count` requests at once; who is told that the service is busy (503) asks again, as Retry-After says."""
        async with self._session() as session:
            await asyncio.gather(*(self._persist(session) for _ in range(count)))

    async def once(self) -> None:
        """One request."""
        async with self._session() as session:
            self.statuses[await self._ask(session)] += 1

    async def stream(self, callers: int, stop: asyncio.Event) -> None:
        """`callers` that each ask again as soon as they are answered, until `stop`; nothing is asked twice."""
        async with self._session() as session:

            async def one() -> None:
                while not stop.is_set():
                    self.statuses[await self._ask(session)] += 1

            await asyncio.gather(*(one() for _ in range(callers)))

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._tls)
        return aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=300))

    async def _persist(self, session: aiohttp.ClientSession) -> None:
        status = await self._ask(session)
        if status == 503:
            await asyncio.sleep(1)
            await self._persist(session)
        else:
            self.statuses[status] += 1

    async def _ask(self, session: aiohttp.ClientSession) -> int:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        try:
            async with session.post(self._url, data=self._body) as answer:
                self.last = await answer.text()
                return answer.status
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            self.losses[type(error).__name__] += 1
            return 0
        finally:
            self.slowest_s = max(self.slowest_s, loop.time() - started_s)
