"""Leaves fetched back, and believed only when they hash to their name. A copy that gives a wrong byte is no copy."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence

from guardian.sdk import Damaged, GuardianError, ServiceUnavailable
from guardian_filecoin import car
from guardian_filecoin.layout import Layout
from guardian_filecoin.place import Held, Place
from guardian_filecoin.unixfs import LEAF_BYTES

Holder = tuple[Place, Held]


async def checked_leaf(holder: Holder, layout: Layout, index: int) -> bytes:
    """Fetch a leaf. Damaged where it is not the one."""
    place, held = holder
    data = await place.leaf(held, layout, index)
    if hashlib.sha256(data).digest() != layout.digests[index]:
        raise Damaged(f"part {index} of a pack comes back as something else")
    return data


async def check_start(holder: Holder, layout: Layout) -> None:
    """Damaged where header and root are not those of the pack: then nobody could find the leaves."""
    place, held = holder
    if await place.look(held) != layout:
        raise Damaged("the beginning of a pack comes back as something else")


async def leaf_from_any(holders: Sequence[Holder], layout: Layout, index: int) -> bytes:
    """Fetch a leaf from whoever has it right, the first asked first. The last one's error where nobody has."""
    problem: GuardianError = ServiceUnavailable("no place has the pack")
    for holder in holders:
        try:
            return await checked_leaf(holder, layout, index)
        except GuardianError as error:
            problem = error
    raise problem


async def car_from(holders: Sequence[Holder], layout: Layout) -> AsyncIterator[bytes]:
    """Yield the CAR of a pack that is not here any more, from other copies."""
    yield layout.start
    for index in range(len(layout.digests)):
        section = car.section_head(layout.leaf_cid(index), LEAF_BYTES)
        yield section + await leaf_from_any(holders, layout, index)
