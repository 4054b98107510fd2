"""How the kernel is asked to share out the cores: in long turns, none cut short by a thread that was just woken.

A verdict passes from thread to thread a dozen times. Each time the kernel's default lets the one that is woken take the
core from the one that runs, which has half a picture in the core's caches: on two busy cores 28 switches a verdict, 11
in long turns, and a tenth more verdicts a second.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

TURN_S = 0.008
"""Time to prepare a selfie, or to score ten crops; with 20 ms there are no more verdicts, and their p99 is longer."""

_SET, _GET = {"x86_64": (314, 315), "aarch64": (274, 275)}.get(os.uname().machine, (None, None))


class _Attributes(ctypes.Structure):
    """`struct sched_attr` of sched_setattr(2), as it was at first."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("niceness", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("turn_ns", ctypes.c_uint64),
        ("deadline_ns", ctypes.c_uint64),
        ("period_ns", ctypes.c_uint64),
    )


def take_long_turns() -> None:
    """Put this thread, and whatever it will start, into SCHED_BATCH with turns of `TURN_S`.

    A thread of SCHED_BATCH interrupts none, see sched(7). Its length of turn is heeded from Linux 6.12 on, whose
    default is 0.7 to 2.8 ms. Neither asks for a privilege; where a sandbox forbids it all stays as it was.
    """
    attributes = _attributes()
    attributes.policy = os.SCHED_BATCH
    attributes.turn_ns = int(TURN_S * 1e9)
    _apply(attributes)


@contextmanager
def long_turns() -> Iterator[None]:
    """As `take_long_turns`, for what this thread starts meanwhile; the thread itself then is as it was before."""
    before = _attributes()
    take_long_turns()
    try:
        yield
    finally:
        _apply(before)


def _attributes() -> _Attributes:
    """Those of this thread."""
    attributes = _Attributes()
    if _GET is not None:
        ctypes.CDLL(None).syscall(_GET, 0, ctypes.byref(attributes), ctypes.sizeof(attributes), 0)
    return attributes


def _apply(attributes: _Attributes) -> None:
    if _SET is not None and attributes.size:
        ctypes.CDLL(None).syscall(_SET, 0, ctypes.byref(attributes), 0)
