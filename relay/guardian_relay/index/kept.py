"""A transaction that says plainly when it was not kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from guardian_relay.errors import Unkept

DISK_FULL = "53100"  # PostgreSQL's SQLSTATE


@asynccontextmanager
async def kept(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A transaction; Unkept where the store does not take it."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        raise Unkept(_why(error)) from error


def _why(error: Exception) -> str:
    cause = getattr(error, "orig", None)
    if "is full" in str(cause) or getattr(cause, "sqlstate", "") == DISK_FULL:  # SQLITE_FULL: "database or disk is full"
        return "the store's disk is full"
    return f"the store does not take anything: {type(cause or error).__name__}"
