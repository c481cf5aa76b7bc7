"""Events that the relay does not have yet: durable before the hook returns, in order, bounded.

Blocking and quick; one thread at a time. What is full drops health first, then the oldest changes, then the oldest of all: a start is worth
more than an end, and an event more than how the box was. Serials are given out here, so a drop shows as a gap. Which event of the index
has been taken is kept with it, in one transaction: what a kill left behind is taken at the next start, and nothing twice.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from guardian.protocol.v1 import events_pb2 as events
from guardian.sdk import make_private_dir

BATCH_EVENTS, BATCH_BYTES = 200, 1 << 20  # docs/protocol.md#limits
CHANGE = int(events.KIND_CLASS_CHANGE)
MOST_HEALTH = 2016  # a week of samples each five minutes; 300 bytes each
HEALTH_AT_ONCE = 100
TAKEN_US = 2 * 86_400_000_000  # so long it is remembered what was taken: no event lasts as long
PRUNE_EVERY = 200
MOST_RUNS = 64  # that a hello names: starts while the relay was away
_TABLES = """
CREATE TABLE IF NOT EXISTS outbox (seq INTEGER PRIMARY KEY, kind INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS serials (camera BLOB PRIMARY KEY, serial INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS health (seq INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS taken (event TEXT NOT NULL, what TEXT NOT NULL, start_us INTEGER NOT NULL, PRIMARY KEY (event, what))
  WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS taken_by_time ON taken (start_us);
CREATE TABLE IF NOT EXISTS runs (place INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits; `dropped` since the start."""

    events: int
    size_bytes: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Of:
    """What of an event in the index a message tells: its `start` or its `end`."""

    event: str
    what: str
    start_us: int


class Outbox:
    """One file. One that is made anew begins to number at the time in µs: above all that were before it."""

    def __init__(self, path: Path, max_bytes: int, now_us: int) -> None:
        make_private_dir(path.parent)
        self._max_bytes, self._dropped, self._puts = max_bytes, 0, 0
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        path.chmod(0o600)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_TABLES)
        self._db.execute("INSERT OR IGNORE INTO counters VALUES ('next', ?), ('settled_us', ?)", (now_us, now_us))
        self.run = int.from_bytes(os.urandom(8), "big") >> 1 or 1

    def runs(self) -> tuple[int, ...]:
        """Those of our starts that the relay may have heard last: the one that it said it keeps, and all since. This one is among them."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            known = [run for (run,) in self._db.execute("SELECT run FROM runs ORDER BY place")]
            if self.run not in known:
                self._db.execute("INSERT INTO runs (run) VALUES (?)", (self.run,))
            return (*known[:1], *known[1:][-MOST_RUNS:])

    def heard(self, run: int) -> None:
        """The relay keeps this one of our starts."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM runs WHERE run != ?", (run,))

    def put(self, camera: bytes, make: Callable[[int], events.Event], of: Of | None = None) -> bool:
        """Keep the event that `make(serial)` makes; say whether it is news. `of`: what of the index it tells, each once."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if of is not None and not self._take(of):
                return False
            self._db.execute(
                "INSERT INTO serials VALUES (?, 1) ON CONFLICT (camera) DO UPDATE SET serial = serial + 1", (camera,)
            )
            (serial,) = self._db.execute("SELECT serial FROM serials WHERE camera = ?", (camera,)).fetchone()
            one = make(serial)
            body = one.SerializeToString()
            seq = self._next()
            self._db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?)", (seq, int(one.kind), len(body), body))
            self._set_next(seq + 1)
            self._make_room()
            return True

    def _take(self, of: Of) -> bool:
        row = (of.event, of.what, of.start_us)
        if self._db.execute("INSERT OR IGNORE INTO taken VALUES (?, ?, ?)", row).rowcount == 0:
            return False
        self._puts += 1
        if self._puts % PRUNE_EVERY == 0:
            before_us = of.start_us - TAKEN_US
            self._db.execute("DELETE FROM taken WHERE start_us < ?", (before_us,))
            self._db.execute("UPDATE counters SET value = max(value, ?) WHERE name = 'settled_us'", (before_us,))
        return True

    def has(self, event: str, what: str) -> bool:
        """Whether that of an event was taken."""
        with self._lock:
            return self._db.execute("SELECT 1 FROM taken WHERE event = ? AND what = ?", (event, what)).fetchone() is not None

    def settled_us(self) -> int:
        """Everything that began before is taken, or was before this outbox."""
        with self._lock:
            return int(self._db.execute("SELECT value FROM counters WHERE name = 'settled_us'").fetchone()[0])

    def put_health(self, body: bytes) -> None:
        """Keep how the box is, the newest MOST_HEALTH. Of all that waits it goes first where room is short."""
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("INSERT INTO health (body) VALUES (?)", (body,))
            self._db.execute("DELETE FROM health WHERE seq <= (SELECT max(seq) FROM health) - ?", (MOST_HEALTH,))
            self._make_room()

    def health(self) -> list[tuple[int, bytes]]:
        """The oldest health that waits: place and body."""
        with self._lock:
            return self._db.execute("SELECT seq, body FROM health ORDER BY seq LIMIT ?", (HEALTH_AT_ONCE,)).fetchall()

    def health_sent(self, up_to: int) -> None:
        """It was sent. Nobody acknowledges it: a break may lose the newest."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM health WHERE seq <= ?", (up_to,))

    def _make_room(self) -> None:
        (size,) = self._db.execute("SELECT coalesce(sum(size), 0) FROM outbox").fetchone()
        (health,) = self._db.execute("SELECT coalesce(sum(length(body)), 0) FROM health").fetchone()
        while health and size + health > self._max_bytes:
            seq, length = self._db.execute("SELECT seq, length(body) FROM health ORDER BY seq LIMIT 1").fetchone()
            self._db.execute("DELETE FROM health WHERE seq = ?", (seq,))
            health -= length
        while size > self._max_bytes:
            row = self._db.execute("SELECT seq, size FROM outbox ORDER BY kind = ? DESC, seq LIMIT 1", (CHANGE,)).fetchone()
            self._db.execute("DELETE FROM outbox WHERE seq = ?", (row[0],))
            size -= row[1]
            self._dropped += 1

    def after(self, place: int) -> tuple[int, list[events.Event]]:
        """Return the next events behind a place: where they begin, and themselves, in consecutive places."""
        with self._lock:
            rows = self._db.execute(
                "SELECT seq, body FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?", (place, BATCH_EVENTS)
            ).fetchall()
        found: list[events.Event] = []
        size = 0
        for at, (seq, body) in enumerate(rows):
            size += len(body)
            if seq != rows[0][0] + at or (found and size > BATCH_BYTES):
                break
            found.append(events.Event.FromString(body))
        return (rows[0][0] if rows else place + 1), found

    def acknowledged(self, up_to: int) -> None:
        """The relay has everything up to here. One that says more than was ever given out met a later life of this outbox, which was
        put back from an older copy: what waits is numbered anew, above that.
        """
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            if up_to >= self._next():
                rows = self._db.execute("SELECT seq FROM outbox ORDER BY seq DESC").fetchall()
                for place, (seq,) in enumerate(rows):
                    self._db.execute("UPDATE outbox SET seq = ? WHERE seq = ?", (up_to + len(rows) - place, seq))
                self._set_next(up_to + len(rows) + 1)
            else:
                self._db.execute("DELETE FROM outbox WHERE seq <= ?", (up_to,))

    def oldest(self) -> int:
        """The place of the oldest event."""
        with self._lock:
            (first,) = self._db.execute("SELECT min(seq) FROM outbox").fetchone()
            return int(first) if first is not None else self._next()

    def waits_since_us(self) -> int | None:
        """When the oldest event that waits was; None where none does."""
        with self._lock:
            row = self._db.execute("SELECT body FROM outbox ORDER BY seq LIMIT 1").fetchone()
        return events.Event.FromString(row[0]).time_s * 1_000_000 if row is not None else None

    def waiting(self) -> Waiting:
        """How much waits."""
        with self._lock:
            count, size = self._db.execute("SELECT count(*), coalesce(sum(size), 0) FROM outbox").fetchone()
        return Waiting(count, size, self._dropped)

    def _next(self) -> int:
        (value,) = self._db.execute("SELECT value FROM counters WHERE name = 'next'").fetchone()
        return int(value)

    def _set_next(self, value: int) -> None:
        self._db.execute("UPDATE counters SET value = ? WHERE name = 'next'", (value,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
