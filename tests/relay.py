"""A TCP relay between two programs of a test, for faults of the network."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress


class Relay:
    """Listens at `address` and passes everything on to port `target` of 127.0.0.1, and back.

    What goes there may be changed by `forwards`. What comes back is held up for `delay_s`; where `cuts` says so of a
    piece of it, the piece is lost and the connection broken.
    """

    def __init__(self, target: int, host: str = "127.0.0.1", port: int = 0) -> None:
        self.delay_s = 0.0
        self.forwards: Callable[[bytes], bytes] = lambda data: data
        self.cuts: Callable[[bytes], bool] = lambda _: False
        self.accepted = 0
        self.cut_count = 0
        self._target = target
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server((host, port))
        self.address = f"{host}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection that there is."""
        while self._sockets:
            with suppress(OSError):
                self._sockets.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Listen no more, and break what there is."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self.accepted += 1
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    near.close()
                    continue
                self._sockets += [near, far]
                threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
                threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if back and self.cuts(data):
                    self.cut_count += 1
                    break
                if back:
                    time.sleep(self.delay_s)
                sink.sendall(data if back else self.forwards(data))
        for end in source, sink:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()
