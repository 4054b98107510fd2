"""Keeps what is in memory, faces among it, out of core dumps."""

import resource
from contextlib import suppress

NO_CORE_BYTES = 1


def forbid_core_dumps() -> None:
    """Have the kernel write no core dump of this process and of those that it starts.

    A limit of 1 byte, not of 0: too small for a file either way, and the one value at which Linux does not hand the
    dump to a collector such as systemd-coredump either, which 0 leaves it free to do (core(5); fs/coredump.c).
    """
    with suppress(ValueError):  # where the machine's own limit is 0, nobody may raise it
        resource.setrlimit(resource.RLIMIT_CORE, (NO_CORE_BYTES, NO_CORE_BYTES))
