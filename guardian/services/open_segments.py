"""Sealed segments that are open for reading, kept for a while: the next fragment of one then costs one read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from guardian.model.errors import NotFound, VaultLocked
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader

MAX_OPEN = 64  # file descriptors and segment keys held; eight viewers with eight segments each


class _Entry:
    """One open file. The lock is held while it is read or closed."""

    def __init__(self, path: Path, keyring: Keyring) -> None:
        self.lock = threading.Lock()
        self.reader = SegmentReader(path, keyring)
        self.reader.__enter__()
        self.closed = False

    def close(self, *, wait: bool = True) -> bool:
        """Close it; without waiting, False while somebody reads."""
        if not self.lock.acquire(blocking=wait):
            return False
        try:
            if not self.closed:
                self.closed = True
                self.reader.__exit__(None, None, None)
            return True
        finally:
            self.lock.release()


class OpenSegments:
    """An LRU of open segments. Blocking: call it from a thread. Holds segment keys, so it is emptied when the vault locks."""

    def __init__(self, keyring: Keyring, most: int = MAX_OPEN) -> None:
        self._keyring, self._most = keyring, most
        self._lock = threading.Lock()
        self._entries: OrderedDict[Path, _Entry] = OrderedDict()

    def check_unlocked(self) -> None:
        """VaultLocked, and everything closed, while the vault is locked."""
        if not self._keyring.unlocked:
            self.close()
            raise VaultLocked("the vault is locked", cure="Unlock it with your passphrase to watch footage.")

    def read(self, path: Path, index: int) -> bytes:
        """Return one record, opened. NotFound where the file or the record is not there."""
        self.check_unlocked()
        while True:
            entry = self._entry(path)
            with entry.lock:
                if entry.closed:  # another thread evicted it in between
                    continue
                if index < len(entry.reader.table):
                    return entry.reader.read(index)
            # It may have grown since it was opened.
            fresh = self._open(path)
            with fresh.lock:
                if fresh.closed:
                    continue
                if index >= len(fresh.reader.table):
                    raise NotFound(
                        f"the segment has no fragment {index}", field="index", cure="It has fewer; load the playlist again."
                    )
                return fresh.reader.read(index)

    def _entry(self, path: Path) -> _Entry:
        with self._lock:
            entry = self._entries.get(path)
            if entry is not None:
                self._entries.move_to_end(path)
                return entry
        return self._open(path)

    def _open(self, path: Path) -> _Entry:
        try:
            entry = _Entry(path, self._keyring)
        except FileNotFoundError:
            raise NotFound(
                "the footage is gone",
                field="segment",
                cure="It was deleted because it was the oldest; choose a later moment.",
            ) from None
        with self._lock:
            before = self._entries.pop(path, None)
            self._entries[path] = entry
            gone = [before] if before is not None else []
            while len(self._entries) > self._most:
                gone.append(self._entries.popitem(last=False)[1])
        for one in gone:
            one.close()
        self.check_unlocked()  # locked while it was opened: whoever emptied the rest has not seen this one
        return entry

    def drop_gone(self) -> None:
        """Close files that were deleted, for only then is their room free. One that is being read goes the next time."""
        with self._lock:
            for path in [path for path in self._entries if not path.exists()]:
                if self._entries[path].close(wait=False):
                    del self._entries[path]

    def close(self) -> None:
        """Close all files and forget their keys."""
        with self._lock:
            gone = list(self._entries.values())
            self._entries.clear()
        for entry in gone:
            entry.close()
