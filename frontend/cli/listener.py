"""One listening socket for several processes, each of which takes its share of the connections.

A client keeps its connection, so whoever accepts it does all of its work. Left to themselves the processes do not share
alike: of 16 connections opened at once one process of two took all, time and again, and the cores of the others idled.
SO_REUSEPORT, a socket for each process, would share by chance, and leave connections with a process that hangs.
"""

import asyncio
import socket
from collections.abc import Callable, Collection
from functools import partial
from typing import cast

from uvicorn.config import Config
from uvicorn.server import Server

from frontend.shared_count import SharedCount

GIVE_WAY_S = 0.01
"""How long a process with more connections than another leaves a new one to it."""
TAKEN_AFTER = 4
"""Most connections that a process takes once it has given way in vain: one alone every GIVE_WAY_S would be fewer than
it can serve, where each request comes over a connection of its own and the other process hangs."""
NO_DESCRIPTORS_PAUSE_S = 0.1


class SharingServer(Server):
    """uvicorn's server in one of several processes, which tell each other of their `connections`."""

    def __init__(self, config: Config, connections: SharedCount) -> None:
        super().__init__(config)
        self._connections = connections

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the application, then take connections from the shared sockets."""
        await super().startup(sockets=[])
        new_protocol = partial(
            cast("Callable[..., asyncio.Protocol]", self.config.http_protocol_class),
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        for listener in sockets or []:
            shared = SharedListener(listener, new_protocol, self.server_state.connections, self._connections)
            self.servers.append(cast("asyncio.Server", shared))

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second, tell also of the connections that have ended."""
        for listener in self.servers:
            cast("SharedListener", listener).tell()
        return await super().on_tick(counter)


class SharedListener:
    """Takes connections from `listener` for the running event loop; in a server's place for uvicorn, which closes it.

    Where another process has fewer connections it gives way for `GIVE_WAY_S`, and takes then what is still there, up to
    TAKEN_AFTER connections: one that hangs holds up nobody for longer. `connections` are those that are open in this
    process.
    """

    def __init__(
        self,
        listener: socket.socket,
        new_protocol: Callable[[], asyncio.Protocol],
        connections: Collection[object],
        count: SharedCount,
    ) -> None:
        listener.setblocking(False)
        self._listener = listener
        self._new_protocol = new_protocol
        self._connections = connections
        self._count = count
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[object]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._listen()

    def close(self) -> None:
        """Take no further connections."""
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self._listener)

    async def wait_closed(self) -> None:
        """Nothing is left to wait for: uvicorn waits for the connections itself."""

    def tell(self) -> None:
        """Tell the other processes how many connections there are in this one."""
        self._count.tell(len(self._connections) + len(self._opening))

    def _listen(self) -> None:
        self.tell()
        self._loop.add_reader(self._listener, self._on_connection)

    def _on_connection(self) -> None:
        self.tell()
        if self._count.another_has_fewer():
            self._pause_for(GIVE_WAY_S)
        else:
            self._take()

    def _pause_for(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._pause = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._listen()
        for _ in range(TAKEN_AFTER):
            if not self._take():
                break

    def _take(self) -> bool:
        """Whether there was a connection to take."""
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return False  # another process took it, or the client has gone
        except OSError:
            self._pause_for(NO_DESCRIPTORS_PAUSE_S)
            return False
        connection.setblocking(False)
        task: asyncio.Task[object] = self._loop.create_task(
            self._loop.connect_accepted_socket(self._new_protocol, connection)
        )
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        self.tell()
        return True
