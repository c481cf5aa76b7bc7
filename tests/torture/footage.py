"""What lies on the disk, looked at as its owner would: scanned, opened with the key, played."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

from guardian.model.segment import FragmentMeta
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader, open_whole
from guardian.vault.scan import scan
from tests.support.house import PASSPHRASE
from tests.support.looking import looked_at

Fragments = dict[str, tuple[FragmentMeta, ...]]


def end_us(row: FragmentMeta) -> int:
    """Return when a fragment ends."""
    return row.start_utc_us + row.duration_90k * 100 // 9


class Footage:
    """Footage of a data folder. It remembers what was opened, so that looking again costs only what is new."""

    def __init__(self, data: Path) -> None:
        self.data, self._segments = data, data / "segments"
        self._keyring = Keyring.load(data / "vault")
        self._keyring.unlock(PASSPHRASE)
        self._opened: dict[str, int] = {}
        self._pictures: set[Path] = set()

    def fragments(self) -> Fragments:
        """Return every whole fragment (without the init segments) by file."""
        files = sorted(self._segments.rglob("*.pgs"))
        return {str(path.relative_to(self._segments)): looked_at(path).table[1:] for path in files}

    def open_all(self) -> int:
        """Open every record and picture that is new, with the key; return how many records were."""
        new = 0
        for path in sorted(self._segments.rglob("*.pgs")):
            known = self._opened.get(path.name, 0)
            if looked_at(path).table[known:]:
                new += self._open(path, known)
        for path in {*self.data.glob("pictures/**/*.pgp")} - self._pictures:
            assert open_whole(path, self._keyring).startswith(b"\xff\xd8"), f"{path} holds no JPEG"
            self._pictures.add(path)
        return new

    def _open(self, path: Path, known: int) -> int:
        with SegmentReader(path, self._keyring) as reader:
            for row in reader.table[known:]:
                assert reader.read(row.index), f"record {row.index} of {path} is empty"
            self._opened[path.name] = len(reader.table)
            return len(reader.table) - known

    def tidy(self) -> list[str]:
        """Return faults of a folder that nobody writes to: files without an end, torn tails, files put aside."""
        faults = [f"{path} was put aside" for path in self._segments.rglob("*.damaged")]
        for path in sorted(self._segments.rglob("*.pgs")):
            scanned = scan(path, check_all=True)
            if len(scanned.table) < 2:
                faults.append(f"{path} holds no footage")
            if path.stat().st_size != scanned.whole_bytes:
                faults.append(f"{path} has {path.stat().st_size - scanned.whole_bytes} bytes behind its last whole record")
        return faults

    def play_all(self, folder: Path) -> list[str]:
        """Decode every segment, each as an MP4 of its own in a folder outside of the data; return what ffprobe complains of."""
        faults = []
        for path in sorted(self._segments.rglob("*.pgs")):
            with SegmentReader(path, self._keyring) as reader:
                (folder / "one.mp4").write_bytes(b"".join(reader.read(row.index) for row in reader.table))
            words = ["ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0"]
            done = subprocess.run([*words, str(folder / "one.mp4")], capture_output=True, text=True, check=False)
            frames = sum(row.video_frames for row in reader.table)
            if done.returncode or done.stderr or done.stdout.split()[:1] != [str(frames)]:
                faults.append(f"{path}: {frames} frames sealed, played {done.stdout.strip()!r}; {done.stderr.strip()}")
        return faults


def lost(before: Fragments, after: Fragments) -> list[str]:
    """Return the files of which fragments have gone that had been there."""
    return [path for path, rows in before.items() if after.get(path, ())[: len(rows)] != rows]


def last_end_us(fragments: Fragments, camera: str, until_us: int) -> int:
    """Return where a camera's footage that began before a moment ends."""
    return max((end_us(row) for row in of(fragments, camera) if row.start_utc_us < until_us), default=0)


def gaps_s(fragments: Fragments, camera: str, since_us: int = 0) -> list[float]:
    """Return the seconds that are missing (or, below zero, there twice) between a camera's fragments."""
    rows = [row for row in of(fragments, camera) if row.start_utc_us >= since_us]
    steps = ((after.start_utc_us - end_us(row)) / 1e6 for row, after in pairwise(rows))
    return [round(step, 3) for step in steps if abs(step) > 0.05]


def of(fragments: Fragments, camera: str) -> list[FragmentMeta]:
    """Return a camera's fragments in the order of their times."""
    rows = [row for path, some in fragments.items() if path.startswith(camera + "/") for row in some]
    return sorted(rows, key=lambda row: row.start_utc_us)
