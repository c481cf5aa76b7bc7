"""Events: kept by id, listed newest first in pages that stay right while new events come."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from guardian.index.engine import IndexFile
from guardian.index.tables import events as e
from guardian.index.tables import holds as h
from guardian.index.tables import replacing
from guardian.index.tables import segments as s
from guardian.index.tables import verdicts as v
from guardian.model.errors import BadRequest
from guardian.model.event import UNJUDGED, Event, EventQuery, EventState, Happening, HappeningKind, PathPoint
from guardian.model.ids import is_uuid7
from guardian.model.vision import Box

MAX_PAGE = 500
_MAX_TIME = 1 << 62
_PUT = replacing(e)


def encode_cursor(start_us: int, event_id: str) -> str:
    """Return the cursor of the page after an event."""
    return base64.urlsafe_b64encode(f"{start_us},{event_id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> tuple[int, str]:
    """Return (start, id) of the event that a page comes after; BadRequest where it is no cursor of ours."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        start, _, event_id = raw.decode("ascii").partition(",")
        start_us = int(start)
    except (ValueError, binascii.Error):
        start_us, event_id = 0, ""
    if not is_uuid7(event_id) or not -_MAX_TIME < start_us < _MAX_TIME or encode_cursor(start_us, event_id) != cursor:
        raise BadRequest(
            "cursor is not one that this list gave out", field="cursor", cure="Pass `next` of the page before, unchanged."
        )
    return start_us, event_id


def _row(event: Event, details: bytes) -> dict[str, Any]:
    """Of the path only its last moment stands in the clear: an event that a crash left open ended then at the earliest."""
    return {
        "id": event.id,
        "camera": event.camera,
        "label": event.label,
        "score": event.score,
        "start_us": event.start_us,
        "end_us": event.end_us,
        "state": event.state.value,
        "zones": json.dumps(event.zones),
        "snapshot": event.snapshot,
        "snapshot_us": event.snapshot_us,
        "snapshot_box": None,
        "path": json.dumps([[point.utc_us] for point in event.path[-1:]]),
        "details": details,
        "happenings": json.dumps([[one.what.value, one.zone, one.utc_us, one.direction] for one in event.happenings]),
    }


def _event(row: sa.Row[Any]) -> Event:
    return Event(
        id=row.id,
        camera=row.camera,
        label=row.label,
        score=row.score,
        start_us=row.start_us,
        end_us=row.end_us,
        state=EventState(row.state),
        zones=tuple(json.loads(row.zones)),
        snapshot=row.snapshot,
        snapshot_us=row.snapshot_us,
        snapshot_box=None if row.snapshot_box is None else Box(*json.loads(row.snapshot_box)),
        path=tuple(PathPoint(at, Box(*box)) for at, *box in json.loads(row.path) if box),
        happenings=tuple(
            Happening(zone, HappeningKind(what), at, direction) for what, zone, at, direction in json.loads(row.happenings)
        ),
    )


def _moments(row: sa.Row[Any]) -> list[int]:
    return [point[0] for point in json.loads(row.path)[-1:]]


class EventRepository:
    """The repository of events."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index

    async def put(self, events: Sequence[Event], seal: Callable[[Event], bytes]) -> None:
        """Store events in one transaction; those that are known are replaced. `seal` returns what is not to stand in the clear."""
        if not events:
            return
        async with self._index.write() as connection:
            await connection.execute(_PUT, [_row(event, seal(event)) for event in events])

    async def get(self, event_id: str) -> Event | None:
        """One event, or None."""
        async with self._index.read() as connection:
            row = (await connection.execute(sa.select(e).where(e.c.id == event_id))).first()
        return None if row is None else _event(row)

    async def details(self, event_id: str) -> bytes | None:
        """What is sealed of an event; None where there is nothing."""
        async with self._index.read() as connection:
            found = await connection.scalar(sa.select(e.c.details).where(e.c.id == event_id))
        return None if found is None else bytes(found)

    async def details_of(self, event_ids: Sequence[str]) -> dict[str, bytes]:
        """What is sealed of some events (at most some thousand)."""
        select = sa.select(e.c.id, e.c.details).where(e.c.id.in_(event_ids), e.c.details.is_not(None))
        async with self._index.read() as connection:
            return {row.id: bytes(row.details) for row in await connection.execute(select)}

    async def newest(self, query: EventQuery, limit: int) -> tuple[Event, ...]:
        """The newest events that fit, more than a page holds; without what is sealed."""
        columns = [column for column in e.c if column.name != "details"]
        select = sa.select(*columns).where(*_conditions(query)).order_by(e.c.start_us.desc(), e.c.id.desc()).limit(limit)
        async with self._index.read() as connection:
            return tuple(_event(row) for row in await connection.execute(select))

    async def replace_details(self, sealed: Sequence[tuple[str, bytes, bytes]]) -> None:
        """Put (event id, old, new) details in the place of old ones, unless they have changed meanwhile."""
        statement = sa.update(e).where(e.c.id == sa.bindparam("event_id"), e.c.details == sa.bindparam("old"))
        async with self._index.write() as connection:
            await connection.execute(
                statement.values(details=sa.bindparam("new")),
                [{"event_id": event_id, "old": old, "new": new} for event_id, old, new in sealed],
            )

    async def list(self, query: EventQuery) -> tuple[tuple[Event, ...], str | None]:
        """A page of events, newest first, and the cursor of the next."""
        if not 1 <= query.limit <= MAX_PAGE:
            raise BadRequest(f"limit must be 1 to {MAX_PAGE}, not {query.limit}", field="limit")
        select = sa.select(e).where(*_conditions(query)).order_by(e.c.start_us.desc(), e.c.id.desc()).limit(query.limit + 1)
        async with self._index.read() as connection:
            found = [_event(row) for row in await connection.execute(select)]
        page = tuple(found[: query.limit])
        more = len(found) > query.limit
        return page, encode_cursor(page[-1].start_us, page[-1].id) if more else None

    async def left_open(self) -> tuple[tuple[Event, int], ...]:
        """Events that last, each with the last moment that is known of it."""
        async with self._index.read() as connection:
            rows = await connection.execute(sa.select(e).where(e.c.state == EventState.ACTIVE.value))
            return tuple((_event(row), max([row.start_us, row.snapshot_us, *_moments(row)])) for row in rows)

    async def end(self, ends: Sequence[tuple[str, int]]) -> None:
        """End events at the given moments, in one transaction; all else stays."""
        if not ends:
            return
        statement = sa.update(e).where(e.c.id == sa.bindparam("event_id"))
        ended = statement.values(state=EventState.ENDED.value, end_us=sa.bindparam("at_us"))
        async with self._index.write() as connection:
            await connection.execute(ended, [{"event_id": event_id, "at_us": at_us} for event_id, at_us in ends])

    async def labels(self) -> tuple[str, ...]:
        """Labels that occur, sorted."""
        async with self._index.read() as connection:
            return tuple(await connection.scalars(sa.select(e.c.label).distinct().order_by(e.c.label)))

    async def known(self, event_ids: Sequence[str]) -> frozenset[str]:
        """Those of the ids (at most some thousand) that are events."""
        async with self._index.read() as connection:
            return frozenset(await connection.scalars(sa.select(e.c.id).where(e.c.id.in_(event_ids))))

    async def pictures(self) -> tuple[tuple[str, str], ...]:
        """(event id, picture path) of every event that has a picture."""
        async with self._index.read() as connection:
            rows = await connection.execute(sa.select(e.c.id, e.c.snapshot).where(e.c.snapshot != ""))
            return tuple((row.id, row.snapshot) for row in rows)

    async def forget_pictures(self, event_ids: Sequence[str]) -> None:
        """Say of events that they have no picture, in one transaction."""
        async with self._index.write() as connection:
            await connection.execute(sa.update(e).where(e.c.id.in_(event_ids)).values(snapshot=""))

    async def without_footage(self, camera: str, before_us: int, limit: int) -> tuple[Event, ...]:
        """Ended events of a camera that ended before a moment and of which no footage is left, oldest first; none protected."""
        held = sa.exists().where(h.c.event_id == e.c.id)
        footage = sa.exists().where(s.c.camera == e.c.camera, s.c.start_us < e.c.end_us, s.c.end_us > e.c.start_us)
        select = (
            sa.select(e)
            .where(e.c.camera == camera, e.c.start_us < before_us, e.c.end_us <= before_us, ~footage, ~held)
            .order_by(e.c.start_us)
            .limit(limit)
        )
        async with self._index.read() as connection:
            return tuple(_event(row) for row in await connection.execute(select))

    async def cameras(self) -> tuple[str, ...]:
        """Cameras that have events."""
        async with self._index.read() as connection:
            return tuple(await connection.scalars(sa.select(e.c.camera).distinct()))

    async def delete(self, event_ids: Sequence[str]) -> None:
        """Forget events, in one transaction."""
        async with self._index.write() as connection:
            await connection.execute(sa.delete(e).where(e.c.id.in_(event_ids)))


def _conditions(query: EventQuery) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = []
    if query.camera is not None:
        where.append(e.c.camera == query.camera)
    if query.label is not None:
        where.append(e.c.label == query.label)
    if query.zone is not None:
        zones = sa.func.json_each(e.c.zones).table_valued("value", name="zone")
        where.append(sa.exists().select_from(zones).where(zones.c.value == query.zone))
    if query.happening is not None:
        where.append(_happened(query.happening, query.zone))
    if query.start_us is not None:
        where.append(sa.or_(e.c.end_us.is_(None), e.c.end_us > query.start_us, e.c.start_us >= query.start_us))
    if query.end_us is not None:
        where.append(e.c.start_us < query.end_us)
    if query.verdict is not None:
        judged = sa.exists().where(v.c.event_id == e.c.id)
        where.append(~judged if query.verdict == UNJUDGED else judged.where(v.c.verdict == query.verdict))
    if query.cursor is not None:
        start_us, event_id = decode_cursor(query.cursor)
        where.append(sa.tuple_(e.c.start_us, e.c.id) < sa.tuple_(sa.literal(start_us), sa.literal(event_id)))
    return where


def _happened(what: HappeningKind, zone: str | None) -> sa.ColumnElement[bool]:
    """The condition that something happened, at a zone where one is named."""
    one = sa.func.json_each(e.c.happenings).table_valued("value", name="happening")
    there = [sa.func.json_extract(one.c.value, "$[0]") == what.value]
    if zone is not None:
        there.append(sa.func.json_extract(one.c.value, "$[1]") == zone)
    return sa.exists().select_from(one).where(*there)
