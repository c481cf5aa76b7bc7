"""SQLite through aiosqlite: connections that are given up."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util.concurrency import in_greenlet


def close_given_up(engine: AsyncEngine) -> None:
    """Have a connection whose task was cancelled closed, rather than terminated.

    SQLAlchemy 2.1 terminates it: a task of its own closes it, and a second cancellation stops aiosqlite's thread. Then the first waits for an
    answer of that thread for ever, and the event loop, which waits for all tasks, never ends. To close takes as long as the statement
    under way.
    """
    dialect: Any = engine.dialect
    terminate = dialect.do_terminate

    def give_up(connection: Any) -> None:
        if in_greenlet():
            dialect.do_close(connection)
        else:  # nobody holds it any more, and there is nothing to wait with
            terminate(connection)

    dialect.do_terminate = give_up
