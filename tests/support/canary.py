"""Canaries: byte strings that must never be found where they do not belong, in whatever shape they got there."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

import av
import numpy as np

PIECE = 24


def shapes(raw: bytes) -> set[bytes]:
    """Return how bytes may be written: as they are, in hex, and in base64 wherever in a text they stand."""
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        first, whole = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6  # the characters that hold nothing else
        part = text[first:whole]
        found |= {part, part.replace(b"+", b"-").replace(b"/", b"_")}
    return found


def secret(text: str) -> set[bytes]:
    """Return how a text may be written: the shapes of its UTF-8 and UTF-16, in URLs and in JSON."""
    found: set[bytes] = set()
    for coding in ("utf-8", "utf-16-le", "utf-16-be"):
        found |= shapes(text.encode(coding))
    escaped = text.encode("ascii", "backslashreplace").decode()
    return found | {one.encode() for one in (quote(text), quote(text, safe=""), quote_plus(text), escaped)}


def footage(video: Path) -> set[bytes]:
    """Return a piece out of the middle of each of a video's pictures, as it stands in whatever holds the stream unsealed."""
    pieces: set[bytes] = set()
    with av.open(str(video)) as container:
        for packet in container.demux(container.streams.video[0]):
            data = bytes(packet)
            if len(data) > 4 * PIECE:
                pieces.add(data[len(data) // 2 :][:PIECE])
    return {shape for piece in pieces for shape in shapes(piece)}


def memory(pid: int) -> bytes:
    """What a process has in its memory and may write to."""
    found = bytearray()
    with open(f"/proc/{pid}/mem", "rb", 0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, rights, *_ = line.split()
            start, end = (int(one, 16) for one in place.split("-"))
            if rights.startswith("rw") and end - start < 1 << 30:
                with suppress(OSError, ValueError, OverflowError):
                    file.seek(start)
                    found += file.read(end - start)
    assert len(found) > 1 << 20
    return bytes(found)


class Canaries:
    """Sets of byte strings by name; says which of them stands in some content.

    Their first two bytes and their next two are looked up everywhere at once, for there is much content and many of them.
    """

    def __init__(self, canaries: Mapping[str, Iterable[bytes]]) -> None:
        self._starts: dict[bytes, list[tuple[bytes, str]]] = {}
        self._first, self._next = np.zeros(1 << 16, bool), np.zeros(1 << 16, bool)
        for name, needles in canaries.items():
            for needle in needles:
                self._starts.setdefault(needle[:4], []).append((needle, name))
                self._first[int.from_bytes(needle[:2])] = self._next[int.from_bytes(needle[2:4])] = True

    def within(self, content: bytes) -> set[str]:
        """Return the names of what stands there."""
        if len(content) < 4:
            return set()
        single = np.frombuffer(content, np.uint8).astype(np.uint16)
        pairs = single[:-1] << 8 | single[1:]
        places = np.flatnonzero(self._first[pairs[:-2]] & self._next[pairs[2:]]).tolist()
        maybe = ((at, one) for at in places for one in self._starts.get(content[at : at + 4], ()))
        return {name for at, (needle, name) in maybe if content.startswith(needle, at)}

    def in_files(self, *folders: Path, leave: Iterable[Path] = ()) -> list[str]:
        """Return `file: canary` for everything below some folders; the names of files count as well."""
        left = set(leave)
        seen = [(path, os.fsencode(path) + b"\n" + _read(path)) for path in _files(folders) if path not in left]
        return [f"{path}: {name}" for path, content in seen for name in sorted(self.within(content))]

    def in_processes(self, pids: Mapping[str, int]) -> list[str]:
        """Return `process part: canary` for command lines, environments, and files that are open and have no name."""
        seen = []
        for name, pid in pids.items():
            place = Path(f"/proc/{pid}")
            seen += [(f"{name} {part}", _read(place / part)) for part in ("cmdline", "environ", "comm")]
            seen += [(f"{name} {path}", _read(path)) for path in (place / "fd").iterdir() if _is_unnamed(path)]
        return [f"{where}: {name}" for where, content in seen for name in sorted(self.within(content))]


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _is_unnamed(path: Path) -> bool:
    with suppress(OSError):
        return stat.S_ISREG(path.stat().st_mode) and path.stat().st_nlink == 0
    return False


def _read(path: Path) -> bytes:
    with suppress(FileNotFoundError):
        return path.read_bytes()
    return b""  # it went while we looked
