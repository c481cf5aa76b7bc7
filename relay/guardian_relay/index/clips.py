"""What is known of the clips. Their bytes are files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from guardian_relay.index.kept import kept
from guardian_relay.index.tables import clips


@dataclass(frozen=True, slots=True)
class Clip:
    """One sealed segment. `size` is of the file behind its header, which is in `sealed`."""

    segment: bytes
    camera: bytes
    time_s: int
    size: int
    sealed: bytes
    whole: bool = False
    archived: bool = False


class ClipIndex:
    """The rows."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, clip: Clip) -> bool:
        """Keep a clip that is to come; False where it is known. Unkept."""
        async with kept(self._engine) as connection:
            if (await connection.execute(select(clips.c.size).where(clips.c.segment == clip.segment))).first() is not None:
                return False
            await connection.execute(
                insert(clips).values(
                    segment=clip.segment, camera=clip.camera, time_s=clip.time_s, size=clip.size, sealed=clip.sealed
                )
            )
            return True

    async def whole(self, segment: bytes) -> None:
        """All its bytes are here. Unkept."""
        async with kept(self._engine) as connection:
            await connection.execute(update(clips).where(clips.c.segment == segment).values(whole=1))

    async def archived(self, segment: bytes) -> None:
        """It is kept elsewhere: the first to go."""
        async with self._engine.begin() as connection:
            await connection.execute(update(clips).where(clips.c.segment == segment).values(archived=1))

    async def forget(self, segment: bytes) -> None:
        """It is gone. Unkept."""
        async with kept(self._engine) as connection:
            await connection.execute(delete(clips).where(clips.c.segment == segment))

    async def oldest_first(self) -> list[Clip]:
        """All, those that may go first at the beginning."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(clips).order_by(clips.c.archived.desc(), clips.c.time_s))).all()
        return [_clip(row) for row in rows]

    async def incomplete(self) -> list[Clip]:
        """Those whose bytes are not all here."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(clips).where(clips.c.whole == 0).order_by(clips.c.time_s))).all()
        return [_clip(row) for row in rows]

    async def usage(self) -> tuple[int, int]:
        """How many, and their bytes."""
        async with self._engine.connect() as connection:
            count, size = (await connection.execute(select(func.count(), func.coalesce(func.sum(clips.c.size), 0)))).one()
        return int(count), int(size)


def _clip(row: Any) -> Clip:
    segment, camera, time_s, size, sealed, whole, archived = row
    return Clip(segment, camera, time_s, size, sealed, bool(whole), bool(archived))
