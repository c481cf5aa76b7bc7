"""Pictures in memory that two processes share: an anonymous file cut into equal slots, leased in runs.

The file has no name (memfd), cannot shrink (sealed, so that a reader never meets SIGBUS), and ends with its last holder.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL if hasattr(fcntl, "F_SEAL_SHRINK") else 0
MAX_BYTES = 1024 * 1024 * 1024


class NotSharedFrames(ValueError):
    """A descriptor that is no shared memory of the promised size, or one that could shrink below a reader."""


class SharedFrames:
    """`slots` slots of `slot_bytes` each. The maker leases runs of slots; the other side only looks."""

    def __init__(self, fd: int, slots: int, slot_bytes: int) -> None:
        self.fd, self.slots, self.slot_bytes = fd, slots, slot_bytes
        self._map = mmap.mmap(fd, slots * slot_bytes)
        self._free = [True] * slots
        self._lock = threading.Lock()

    @classmethod
    def create(cls, slots: int, slot_bytes: int) -> SharedFrames:
        """Make fresh memory; `fd` is what the other side attaches."""
        fd = os.memfd_create("guardian-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, slots * slot_bytes)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
            return cls(fd, slots, slot_bytes)
        except BaseException:
            os.close(fd)
            raise

    @classmethod
    def attach(cls, fd: int, slots: int, slot_bytes: int) -> SharedFrames:
        """Map what another process made, and own its descriptor. NotSharedFrames (and `fd` closed) where it does not hold up."""
        try:
            if slots < 1 or slot_bytes < 1 or slots * slot_bytes > MAX_BYTES:
                raise NotSharedFrames(f"{slots} slots of {slot_bytes} bytes are not to be had")
            if os.fstat(fd).st_size < slots * slot_bytes:
                raise NotSharedFrames("the memory is smaller than what was promised")
            if not fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
                raise NotSharedFrames("the memory could shrink while it is read")
            return cls(fd, slots, slot_bytes)
        except OSError as error:
            os.close(fd)
            raise NotSharedFrames(f"no shared memory: {error.strerror}") from error
        except BaseException:
            os.close(fd)
            raise

    def lease(self, count: int) -> int | None:
        """Take `count` neighbouring slots and return the first's number; None when there is no such run."""
        with self._lock:
            run = 0
            for index, free in enumerate(self._free):
                run = run + 1 if free else 0
                if run == count:
                    first = index - count + 1
                    self._free[first : index + 1] = [False] * count
                    return first
        return None

    def release(self, first: int, count: int) -> None:
        """Give slots back."""
        with self._lock:
            self._free[first : first + count] = [True] * count

    def view(self, first: int, count: int) -> memoryview:
        """Return the bytes of some slots, writable; ValueError outside of the memory."""
        if first < 0 or count < 1 or first + count > self.slots:
            raise ValueError(f"slots {first}..{first + count} of {self.slots}")
        return memoryview(self._map)[first * self.slot_bytes : (first + count) * self.slot_bytes]

    def close(self) -> None:
        """Let go; memory that is still being looked at goes with its last view. May be called twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        try:
            self._map.close()
        except BufferError:  # a view is out; the mapping ends with it
            pass
