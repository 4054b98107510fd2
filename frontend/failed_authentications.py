"""How often each client address failed to authenticate of late."""

import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil

MAX_ADDRESSES = 10_000
IPV6_CUSTOMER_BITS = 64  # one customer has a whole /64 (RFC 6177)


class FailedAuthentications:
    """Counts failures by address in windows of `window_s` that begin with the first; for one event loop.

    At most `MAX_ADDRESSES` are remembered, the oldest windows being forgotten first.
    """

    def __init__(self, allowed: int, window_s: float, now_s: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._now_s = now_s
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def record(self, address: str) -> int | None:
        """Note a failure: None while the address is within what is allowed, else the seconds until it is again."""
        if not self._allowed:
            return None
        address, now_s = _customer(address), self._now_s()
        began_s, failures = self._windows.get(address, (now_s, 0))
        if now_s - began_s >= self._window_s:
            del self._windows[address]
            began_s, failures = now_s, 0
        self._windows[address] = began_s, failures + 1
        if len(self._windows) > MAX_ADDRESSES:
            self._windows.popitem(last=False)
        return None if failures < self._allowed else max(1, ceil(began_s + self._window_s - now_s))

    def __len__(self) -> int:
        """How many addresses are remembered."""
        return len(self._windows)


def _customer(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):  # the number alone: the text may go on, behind a %, with what the client likes
        return str(parsed.ipv4_mapped or IPv6Network((int(parsed), IPV6_CUSTOMER_BITS), strict=False))
    return address
