"""What a process gives up at its start: core dumps, being read by other processes of the same user, new privileges."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38


def harden() -> None:
    """Turn core dumps off, and let neither a debugger of the same user nor a setuid program in. Linux; elsewhere a part."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
