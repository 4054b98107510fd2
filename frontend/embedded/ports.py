"""TCP ports for child processes."""

import socket

LOOPBACK = "127.0.0.1"


class PortReservation:
    """A free port of 127.0.0.1 that the kernel hands to nobody else while this object is open.

    The socket is bound but never listens, so a server that sets SO_REUSEADDR, as Triton's does, can bind and listen
    on the same port, and do so again after a restart.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((LOOPBACK, 0))
        self.port: int = self._socket.getsockname()[1]

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"{LOOPBACK}:{self.port}"

    def close(self) -> None:
        """Let go of the port."""
        self._socket.close()
