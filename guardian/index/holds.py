"""Holds: spans of footage that nothing deletes until the owner lets go of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa

from guardian.index.engine import IndexFile
from guardian.index.tables import holds as h
from guardian.index.tables import replacing
from guardian.model.views import Hold

_PUT = replacing(h)


class HoldRepository:
    """The repository of holds. What it has written survives a power cut."""

    def __init__(self, index: IndexFile) -> None:
        self._index = index

    async def put(self, holds: Sequence[Hold]) -> None:
        """Store holds in one transaction; those that are known are replaced."""
        if not holds:
            return
        async with self._index.write(durable=True) as connection:
            await connection.execute(_PUT, [asdict(hold) for hold in holds])

    async def all(self) -> tuple[Hold, ...]:
        """Every hold, by its begin."""
        async with self._index.read() as connection:
            return tuple(Hold(*row) for row in await connection.execute(sa.select(h).order_by(h.c.start_us, h.c.id)))

    async def delete(self, hold_id: str) -> None:
        """Forget one."""
        async with self._index.write(durable=True) as connection:
            await connection.execute(sa.delete(h).where(h.c.id == hold_id))
