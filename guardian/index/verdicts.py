"""What the owner thinks of events: kept by the event's id, with its facts, for a year beyond the event itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from guardian.index.engine import IndexFile
from guardian.index.tables import replacing
from guardian.index.tables import verdicts as v
from guardian.model.event import Event, EventState, Judged
from guardian.model.time import SECOND_US

KEPT_US = 366 * 86_400 * SECOND_US  # by then camera, place and season are the same again

_PUT = replacing(v)


class VerdictRepository:
    """The repository of verdicts."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index

    async def put(self, judged: Judged) -> None:
        """Keep a verdict in place of the one before; forget those that are too old."""
        event = judged.event
        row = {
            "event_id": event.id,
            "verdict": judged.verdict,
            "given_us": judged.given_us,
            "camera": event.camera,
            "label": event.label,
            "score": event.score,
            "start_us": event.start_us,
            "end_us": event.end_us,
            "details": judged.details,
        }
        async with self._index.write(durable=True) as connection:
            await connection.execute(_PUT, row)
            await connection.execute(sa.delete(v).where(v.c.given_us < judged.given_us - KEPT_US))

    async def refresh(self, event: Event, details: bytes | None) -> None:
        """An event that was judged while it lasted is over: keep its last facts."""
        facts = sa.update(v).where(v.c.event_id == event.id)
        async with self._index.write() as connection:
            await connection.execute(
                facts.values(label=event.label, score=event.score, end_us=event.end_us, details=details)
            )

    async def forget(self, event_ids: Sequence[str]) -> None:
        """Take verdicts back."""
        async with self._index.write(durable=True) as connection:
            await connection.execute(sa.delete(v).where(v.c.event_id.in_(event_ids)))

    async def of(self, event_ids: Sequence[str]) -> dict[str, str]:
        """The verdicts of these events, as far as there are any, by event id."""
        async with self._index.read() as connection:
            rows = await connection.execute(sa.select(v.c.event_id, v.c.verdict).where(v.c.event_id.in_(event_ids)))
            return {row.event_id: row.verdict for row in rows}

    async def all(self, camera: str | None = None, since_us: int | None = None) -> tuple[Judged, ...]:
        """Everything that was judged, of one camera and since a moment where they are given, oldest first."""
        select = sa.select(v).order_by(v.c.start_us, v.c.event_id)
        if camera is not None:
            select = select.where(v.c.camera == camera)
        if since_us is not None:
            select = select.where(v.c.start_us >= since_us)
        async with self._index.read() as connection:
            return tuple(_judged(row) for row in await connection.execute(select))


def _judged(row: sa.Row[Any]) -> Judged:
    state = EventState.ACTIVE if row.end_us is None else EventState.ENDED
    event = Event(row.event_id, row.camera, row.label, row.score, row.start_us, row.end_us, state, verdict=row.verdict)
    return Judged(event, row.verdict, row.given_us, None if row.details is None else bytes(row.details))
