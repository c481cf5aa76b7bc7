"""What a process gives up at its start: core dumps, being read by other processes of the same user, new privileges; and what
it keeps: memory that it will soon need again."""

import ctypes
import gc
import resource
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_KEPT_BYTES, _MAPPED_BYTES = 16 << 20, 32 << 20
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38


def harden() -> None:
    """Turn core dumps off, and let neither a debugger of the same user nor a setuid program in. Linux; elsewhere a part."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def bound_memory(most_bytes: int) -> None:
    """Refuse this process more private writable memory than that: an allocation beyond fails at once, before the machine suffers.

    RLIMIT_DATA, which counts what is really this process's own from Linux 4.7 on; RLIMIT_AS would count the address space that
    runtimes reserve and never use, and RLIMIT_RSS does nothing.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or most_bytes < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (most_bytes, hard))


def keep_freed_memory() -> None:
    """Have malloc keep up to 16 MiB that it would give back: fetching pages anew for every fragment costs more than sealing it.

    For glibc; elsewhere nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if sys.platform == "linux" and mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def settle_memory() -> None:
    """Once everything is imported: let the collector look at what comes from now on only, and give back what was freed.

    A full collection over some 200,000 objects of libraries takes a tenth of a second, in which nobody is answered. It also
    writes to each of them: before a fork, this keeps their pages shared. Loading leaves 10 to 15 MB of freed memory behind
    that malloc would hold for good (glibc; elsewhere nothing is given back).
    """
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if sys.platform == "linux" and trim is not None:
        trim(0)
