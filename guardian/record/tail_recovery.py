"""After a crash: segment files without an end are cut back to their last whole fragment; nothing needs a key."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from guardian.model.errors import Damaged
from guardian.model.segment import FragmentMeta, SegmentRecord
from guardian.platform.files import sync_dir

SUFFIX = ".pgs"
_NO_FOOTAGE_BELOW = 16 * 1024  # an unreadable file smaller than this held no keyframe
_PROBE = 4096


class Scanned(Protocol):
    """What the vault's scan tells of a file without any key."""

    @property
    def table(self) -> Sequence[FragmentMeta]:
        """Whole records; row 0 is the init segment."""
        ...

    @property
    def complete(self) -> bool:
        """Whether the end record is there."""
        ...

    @property
    def whole_bytes(self) -> int:
        """Length of what is whole."""
        ...

    def record(self, rel_path: str) -> SegmentRecord:
        """Describe the file for the index."""
        ...


Scan = Callable[[Path], Scanned]


def newest(segments: Path, camera: str, count: int = 4) -> tuple[Path, ...]:
    """Return the last files of each stream of a camera: after a crash of its process only these can be unfinished."""
    found: list[Path] = []
    for stream in sorted((segments / camera).glob("*/")):
        days = sorted((day for day in stream.iterdir() if day.is_dir()), reverse=True)
        files = (file for day in days for file in sorted(day.glob(f"*{SUFFIX}"), reverse=True))
        found += (file for file, _ in zip(files, range(count), strict=False))
    return tuple(found)


def unfinished(paths: Iterable[Path], scan: Scan) -> Iterator[Path]:
    """Yield the files that have no end record, or no readable header. The file that is being written is one of them:
    the caller leaves it out.
    """
    for path in paths:
        try:
            complete = scan(path).complete
        except Damaged:
            complete = False
        except FileNotFoundError:
            continue
        if not complete:
            yield path


def recover(path: Path, scan: Scan) -> SegmentRecord | None:
    """Cut a file's torn tail off and describe what is left; a file without one whole fragment is removed (None).

    Calling it again changes nothing. A file whose header cannot be read and that is too large to be empty is put aside
    under the name `*.damaged`: it is not ours to destroy.
    """
    try:
        scanned = scan(path)
    except FileNotFoundError:
        return None
    except Damaged:
        _put_aside(path)
        return None
    if len(scanned.table) < 2:
        _remove(path)
        return None
    if path.stat().st_size > scanned.whole_bytes:
        _truncate(path, scanned.whole_bytes)
        scanned = scan(path)
    return scanned.record("/".join(path.parts[-4:]))


def _truncate(path: Path, size: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(fd, size)
        os.fsync(fd)
    finally:
        os.close(fd)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync_dir(path.parent)


def _put_aside(path: Path) -> None:
    with path.open("rb") as file:
        begins_with_nothing = not file.read(_PROBE).strip(b"\x00")  # a power cut may leave zeros
    if path.stat().st_size < _NO_FOOTAGE_BELOW or begins_with_nothing:
        _remove(path)
        return
    path.rename(path.with_name(path.name + ".damaged"))
    sync_dir(path.parent)
