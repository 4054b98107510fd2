"""What a process may dump of its memory, on a machine that forbids it."""

import ctypes
import resource

PR_CAPBSET_DROP, CAP_SYS_RESOURCE = 24, 24


def forbid_core_dumps_for_good() -> None:
    """Set the limit to 0, which from the next program on nobody may raise: the superuser gives up being able to."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE)
