"""Callers of a swarm: each asks one node after the other, and whatever is not answered as it should be is lost."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence
from itertools import count
from types import TracebackType

import aiohttp
from typing_extensions import Self

CONNECT_S = 2.0
ANSWER_S = 20.0
PAUSE_S = 0.15
"""Between two requests of a caller: what is looked at is who answers, not how much two cores can take."""


class Callers:
    """`number` callers that post one body again and again, from `async with` to its end.

    As a load balancer does, a caller takes the next node where one does not let it connect; nothing is sent twice.
    `log` has the second (of the event loop) and the status of each answer, 0 where there was none.
    """

    def __init__(self, addresses: Sequence[str], body: bytes, certificate: str, number: int = 6) -> None:
        self._urls = [f"https://{address}:5443/liveness" for address in addresses]
        self._body = body
        self._tls = ssl.create_default_context(cafile=certificate)
        self._tls.check_hostname = False
        self._number = number
        self._turn = count()
        self._going = True
        self.log: list[tuple[float, int]] = []
        self.losses: Counter[str] = Counter()
        self.slowest_s = 0.0

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self._tls, force_close=True)
        timeout = aiohttp.ClientTimeout(total=ANSWER_S, connect=CONNECT_S)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)
        self._tasks = [asyncio.create_task(self._call()) for _ in range(self._number)]
        await asyncio.sleep(3)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.sleep(3)
        self._going = False
        await asyncio.gather(*self._tasks)
        await self._session.close()

    @property
    def statuses(self) -> Counter[int]:
        return Counter(status for _, status in self.log)

    @property
    def lost(self) -> int:
        """Requests without a verdict."""
        return len(self.log) - self.statuses[201]

    def delivered_since(self, since_s: float) -> int:
        return sum(status == 201 and at_s > since_s for at_s, status in self.log)

    def last_loss_s(self) -> float:
        """When the last request was lost; 0 if none was."""
        return max((at_s for at_s, status in self.log if status != 201), default=0.0)

    async def _call(self) -> None:
        loop = asyncio.get_running_loop()
        while self._going:
            begun_s = loop.time()
            status = await self._ask()
            self.log.append((loop.time(), status))
            self.slowest_s = max(self.slowest_s, loop.time() - begun_s)
            await asyncio.sleep(PAUSE_S)

    async def _ask(self) -> int:
        first = next(self._turn)
        for offset in range(len(self._urls)):
            url = self._urls[(first + offset) % len(self._urls)]
            try:
                async with self._session.post(url, data=self._body) as answer:
                    text = await answer.text()
                    if answer.status != 201:
                        self.losses[f"{answer.status} {text}"] += 1
                    return answer.status
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                continue
            except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
                self.losses[type(error).__name__] += 1
                return 0
        self.losses["no node lets connect"] += 1
        return 0
