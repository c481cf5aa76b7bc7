"""In which zones a thing stands. Its foot decides: the middle of its box's lower edge, where it touches the ground."""

from __future__ import annotations

from collections.abc import Sequence

from guardian.model.vision import Box
from guardian.model.zone import Zone


def zones_of(box: Box, label: str, zones: Sequence[Zone]) -> tuple[str, ...]:
    """Return names of the zones that hold the box's foot and want its label, in the order given."""
    x, y = box.foot
    y = min(y, 0.999)  # a thing cut off by the picture's lower edge stands on it, not below it
    return tuple(zone.name for zone in zones if (not zone.labels or label in zone.labels) and zone.contains(x, y))
