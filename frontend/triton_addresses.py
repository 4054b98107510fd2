"""LIVENESS_TRITON_URL: one host:port, several of them, or a name with several addresses."""

import asyncio
import socket
from urllib.parse import urlsplit


def parse_addresses(url: str) -> tuple[tuple[str, int], ...]:
    """Host and port of each "host:port" in the comma-separated list, IPv6 in brackets; ValueError for a bad one."""
    return tuple(dict.fromkeys(_host_and_port(one.strip()) for one in url.split(",")))


async def resolve(host: str, port: int) -> list[tuple[str, int]]:
    """Every address of the host, in a fixed order; OSError where it has none or no name server answers."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({(str(address[0]), port) for *_, address in found})


def _host_and_port(address: str) -> tuple[str, int]:
    parts = urlsplit(f"//{address}")
    if not parts.hostname or not parts.port or parts.netloc != address or "@" in address:
        raise ValueError(f"{address!r} is not host:port")
    return parts.hostname, parts.port
