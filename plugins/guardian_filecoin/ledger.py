"""What the archive remembers: a SQLite file in the plugin's folder, the only SQL of this plugin.

Each change is one transaction, and is on the disk when the call returns (WAL, synchronous=FULL): after a crash the archive goes
on where it was. Two processes may have it open: Guardian, and `guardian archive` beside it.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from guardian.sdk import ContentKind, SegmentHeader, SegmentRecord
from guardian_filecoin.choice import WishedSpan
from guardian_filecoin.layout import Layout
from guardian_filecoin.states import Copy, State

NAME = "archive.db"
_TABLES = """
CREATE TABLE IF NOT EXISTS segments (
  id TEXT PRIMARY KEY, record TEXT NOT NULL, size INTEGER NOT NULL, state TEXT NOT NULL, pack INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segments_waiting ON segments (state, id) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS spans (why TEXT PRIMARY KEY, camera TEXT NOT NULL, start_us INTEGER NOT NULL, end_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS packs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, file TEXT NOT NULL UNIQUE, mib INTEGER NOT NULL, files INTEGER NOT NULL,
  made_us INTEGER NOT NULL, leaves BLOB, root TEXT UNIQUE, piece TEXT UNIQUE, here INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS copies (
  pack INTEGER NOT NULL REFERENCES packs (id), place TEXT NOT NULL, state TEXT NOT NULL, notes TEXT NOT NULL, tries INTEGER NOT NULL,
  retry_us INTEGER NOT NULL, wait_s REAL NOT NULL, problem TEXT NOT NULL, cure TEXT NOT NULL, looked_us INTEGER NOT NULL,
  PRIMARY KEY (pack, place)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS copies_open ON copies (place, state, retry_us);
CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_COPY = "pack, place, state, notes, tries, retry_us, wait_s, problem, cure, looked_us"


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack. `leaves`, `root` and `piece` are empty until it is named; `here`: its file is in the spool."""

    id: int
    file: str
    mib: int
    files: int
    made_us: int
    leaves: bytes = b""
    root: str = ""
    piece: str = ""
    here: bool = True

    @property
    def layout(self) -> Layout:
        """Its CAR. Only of a named one."""
        return Layout.unpacked(self.leaves)


class Ledger:
    """Open ledger. May be used from several threads, one call at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(folder / NAME, timeout=30, isolation_level=None, check_same_thread=False)
        (folder / NAME).chmod(0o600)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _all(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # what is wanted

    def want(self, segments: Sequence[SegmentRecord]) -> int:
        """Remember segments to be packed; those that are known already stay what they are. Return how many are new."""
        rows = [(one.header.segment_id, _record_text(one), one.size_bytes) for one in segments]
        with self._transaction() as db:
            return db.executemany("INSERT OR IGNORE INTO segments VALUES (?, ?, ?, 'waiting', NULL)", rows).rowcount

    def waiting(self, most_bytes: int = 1 << 62, most: int = 20_000) -> list[SegmentRecord]:
        """Segments in no pack yet, oldest first (their ids are of their time): as many as have these bytes, and one more."""
        inner = "SELECT id, record, size, SUM(size) OVER (ORDER BY id) AS total FROM segments WHERE state = 'waiting'"
        sql = f"SELECT record FROM ({inner}) WHERE total - size <= ? ORDER BY id LIMIT ?"  # noqa: S608 - no text of others
        return [_record(str(text)) for (text,) in self._all(sql, most_bytes, most)]

    def waiting_size(self) -> tuple[int, int]:
        """How many wait, and their bytes."""
        ((count, size),) = self._all("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM segments WHERE state = 'waiting'")
        return int(str(count)), int(str(size))

    def missed(self, segment_id: str) -> None:
        """A segment was gone before it was packed."""
        with self._transaction() as db:
            db.execute("UPDATE segments SET state = 'missed' WHERE id = ? AND state = 'waiting'", (segment_id,))

    def count_missed(self) -> int:
        """How many were."""
        return int(str(self._all("SELECT COUNT(*) FROM segments WHERE state = 'missed'")[0][0]))

    def wish(self, span: WishedSpan) -> None:
        """Remember a span of which segments may come yet."""
        with self._transaction() as db:
            values = (span.why, span.camera, span.start_us, span.end_us)
            db.execute("INSERT OR REPLACE INTO spans VALUES (?, ?, ?, ?)", values)

    def spans(self) -> list[WishedSpan]:
        """All of them."""
        rows = self._all("SELECT why, camera, start_us, end_us FROM spans")
        return [WishedSpan(str(why), str(camera), int(str(a)), int(str(b))) for why, camera, a, b in rows]

    def forget_span(self, why: str) -> None:
        """No segment of it can come any more."""
        with self._transaction() as db:
            db.execute("DELETE FROM spans WHERE why = ?", (why,))

    # packs

    def add_pack(self, file: str, mib: int, made_us: int, segment_ids: Sequence[str], places: Sequence[str]) -> Pack:
        """A pack's file is whole: from now on its segments are packed, and each place is to get a copy."""
        with self._transaction() as db:
            cursor = db.execute(
                "INSERT INTO packs (file, mib, files, made_us) VALUES (?, ?, ?, ?)", (file, mib, len(segment_ids), made_us)
            )
            number = int(cursor.lastrowid or 0)
            rows = [(number, one) for one in segment_ids]
            took = db.executemany(
                "UPDATE segments SET state = 'packed', record = '', pack = ? WHERE id = ? AND state = 'waiting'", rows
            ).rowcount
            if took != len(rows):
                raise ValueError("a segment of the pack was packed by somebody else")
            self._add_copies(db, number, places)
        return Pack(number, file, mib, len(segment_ids), made_us)

    def _add_copies(self, db: sqlite3.Connection, number: int, places: Sequence[str]) -> None:
        sql = f"INSERT OR IGNORE INTO copies ({_COPY}) VALUES (?, ?, ?, '{{}}', 0, 0, 0, '', '', 0)"  # noqa: S608
        db.executemany(sql, [(number, place, State.WAITING.value) for place in places])

    def add_place(self, place: str) -> None:
        """A place is new: every pack is to get a copy there."""
        with self._transaction() as db:
            for (number,) in db.execute("SELECT id FROM packs").fetchall():
                self._add_copies(db, number, [place])

    def name_pack(self, pack: Pack) -> None:
        """Remember a pack's names."""
        with self._transaction() as db:
            values = (pack.leaves, pack.root, pack.piece, pack.id)
            db.execute("UPDATE packs SET leaves = ?, root = ?, piece = ? WHERE id = ?", values)

    def set_here(self, number: int, here: bool) -> None:
        """Its file is in the spool, or no longer."""
        with self._transaction() as db:
            db.execute("UPDATE packs SET here = ? WHERE id = ?", (int(here), number))

    def packs(self, where: str = "1") -> list[Pack]:
        """Packs, oldest first. `where`: one of this plugin's own conditions."""
        columns = "id, file, mib, files, made_us, leaves, root, piece, here"
        rows = self._all(f"SELECT {columns} FROM packs WHERE {where} ORDER BY id")  # noqa: S608 - no text of others
        return [_pack(row) for row in rows]

    def pack(self, number: int) -> Pack:
        """One pack."""
        columns = "id, file, mib, files, made_us, leaves, root, piece, here"
        (row,) = self._all(f"SELECT {columns} FROM packs WHERE id = ?", number)  # noqa: S608
        return _pack(row)

    def brought(self, places: Sequence[str]) -> list[Pack]:
        """Packs whose file is here and of which each of these places has a verified copy."""
        marks = ", ".join("?" * len(places))
        sql = f"SELECT pack FROM copies WHERE state = ? AND place IN ({marks}) GROUP BY pack HAVING COUNT(*) = ?"  # noqa: S608
        done = {int(str(one)) for (one,) in self._all(sql, State.VERIFIED.value, *places, len(places))}
        return [pack for pack in self.packs("here") if pack.id in done]

    # copies

    def keep(self, copy: Copy) -> None:
        """Remember where a copy stands."""
        with self._transaction() as db:
            db.execute(f"INSERT OR REPLACE INTO copies ({_COPY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _copy_row(copy))  # noqa: S608

    def copies(self, pack: int | None = None, place: str | None = None, state: State | None = None) -> list[Copy]:
        """Copies, the oldest packs first."""
        sql = f"SELECT {_COPY} FROM copies WHERE (?1 IS NULL OR pack = ?1) AND (?2 IS NULL OR place = ?2)"  # noqa: S608
        sql += " AND (?3 IS NULL OR state = ?3) ORDER BY pack, place"
        return [_copy(row) for row in self._all(sql, pack, place, state.value if state is not None else None)]

    def due(self, place: str, now_us: int, longest_us: int, most: int) -> list[Copy]:
        """Copies of named packs that are not verified and may be tried now. A wait that is longer than any is of another clock."""
        columns = ", ".join(f"copies.{one.strip()}" for one in _COPY.split(","))
        sql = f"SELECT {columns} FROM copies JOIN packs ON packs.id = copies.pack WHERE place = ? AND state != ?"  # noqa: S608
        sql += " AND (retry_us <= ? OR retry_us > ?) AND packs.root IS NOT NULL ORDER BY pack LIMIT ?"
        return [_copy(row) for row in self._all(sql, place, State.VERIFIED.value, now_us, now_us + longest_us, most)]

    def totals(self) -> list[tuple[str, str, int, int]]:
        """(place, state, copies, MiB)."""
        sql = (
            "SELECT place, state, COUNT(*), SUM(mib) FROM copies JOIN packs ON packs.id = copies.pack GROUP BY place, state"
        )
        return [(str(place), str(state), int(str(n)), int(str(mib))) for place, state, n, mib in self._all(sql)]

    # notes

    def note(self, key: str) -> str:
        """A note, or nothing."""
        rows = self._all("SELECT value FROM notes WHERE key = ?", key)
        return str(rows[0][0]) if rows else ""

    def notes(self, begin: str) -> dict[str, str]:
        """Notes whose key begins with a text."""
        rows = self._all("SELECT key, value FROM notes WHERE substr(key, 1, ?) = ?", len(begin), begin)
        return {str(key): str(value) for key, value in rows}

    def put_note(self, key: str, value: str) -> None:
        """Keep a note; an empty one is forgotten."""
        with self._transaction() as db:
            if value:
                db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))
            else:
                db.execute("DELETE FROM notes WHERE key = ?", (key,))


def _record_text(record: SegmentRecord) -> str:
    return json.dumps(asdict(record))


def _record(text: str) -> SegmentRecord:
    value = json.loads(text)
    header = value.pop("header")
    return SegmentRecord(SegmentHeader(**header | {"kind": ContentKind(header["kind"])}), **value)


def _pack(row: tuple[object, ...]) -> Pack:
    number, file, mib, files, made_us, leaves, root, piece, here = row
    digests = bytes(leaves) if isinstance(leaves, bytes) else b""
    numbers = int(str(number)), int(str(mib)), int(str(files)), int(str(made_us))
    return Pack(numbers[0], str(file), *numbers[1:], digests, str(root or ""), str(piece or ""), bool(here))


def _copy_row(one: Copy) -> tuple[object, ...]:
    notes = json.dumps(one.notes)
    life = (one.tries, one.retry_us, one.wait_s, one.problem, one.cure, one.looked_us)
    return (one.pack, one.place, one.state.value, notes, *life)


def _copy(row: tuple[object, ...]) -> Copy:
    pack, place, state, notes, tries, retry_us, wait_s, problem, cure, looked_us = row
    life = int(str(tries)), int(str(retry_us)), float(str(wait_s)), str(problem), str(cure), int(str(looked_us))
    return Copy(int(str(pack)), str(place), State(str(state)), json.loads(str(notes)), *life)
