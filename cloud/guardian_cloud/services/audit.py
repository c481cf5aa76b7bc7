"""Reading the audit log, and looking whether it is whole."""

from __future__ import annotations

from dataclasses import dataclass

from guardian_cloud.index import audit
from guardian_cloud.index.engine import Store
from guardian_cloud.model.audit_chain import Entry, first_break
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller


@dataclass(frozen=True, slots=True)
class Checked:
    """How the chain is. `head`: the newest digest; who keeps it elsewhere also sees when entries were cut off."""

    entries: int
    first_break: int | None
    head: str


class Audit:
    """The service."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(self, caller: Caller, before: int | None, most: int) -> list[tuple[Entry, bytes]]:
        """Return entries, the newest first."""
        caller.must(May.SEE_AUDIT)
        async with self._store.look(caller.tenant) as connection:
            return await audit.entries(connection, caller.tenant, before=before, count=most)

    async def check(self, caller: Caller) -> Checked:
        """Follow the whole chain."""
        caller.must(May.SEE_AUDIT)
        async with self._store.look(caller.tenant) as connection:
            found = await audit.all_entries(connection, caller.tenant)
        return Checked(len(found), first_break(found), found[-1][1].hex() if found else "")
