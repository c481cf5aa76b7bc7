"""Finds out whether two write to one gRPC stream at once, for which gRPC now and then ends it: `overlaps = watched(monkeypatch, module)`."""

from __future__ import annotations

import asyncio

from guardian.protocol.rpc import write


def watched(monkeypatch, module):
    """Slow the module's writes down, and return a list that gets a name for each that began while another went on."""
    under_way, overlaps = set(), []

    async def slow(call, message):
        if call in under_way:
            overlaps.append(message.WhichOneof("what"))
        under_way.add(call)
        await asyncio.sleep(0.05)
        await write(call, message)
        under_way.discard(call)

    monkeypatch.setattr(module, "write", slow)
    return overlaps
