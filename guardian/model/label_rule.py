"""What one label must fulfil beside what holds for all."""

from __future__ import annotations

from dataclasses import dataclass

from guardian.model.vision import Box


@dataclass(frozen=True, slots=True)
class LabelRule:
    """None: what the camera or the model says. Areas are shares of the picture's; ratios are width over height in pixels.

    `min_score`: of a detection. `event_min_score`: of the best one of an event. `min_sights`, `min_us`: how often and how
    long a thing is seen before it is an event.
    """

    min_score: float | None = None
    event_min_score: float | None = None
    min_area: float = 0.0
    max_area: float = 1.0
    min_ratio: float | None = None
    max_ratio: float | None = None
    min_sights: int | None = None
    min_us: int | None = None

    def admits(self, box: Box, aspect: float) -> bool:
        """Say whether a box is of the right size and shape. `aspect`: width over height of the picture."""
        if not self.min_area <= box.area <= self.max_area:
            return False
        ratio = box.width * aspect / box.height if box.height > 0 else 0.0
        return (self.min_ratio is None or ratio >= self.min_ratio) and (self.max_ratio is None or ratio <= self.max_ratio)


NO_RULE = LabelRule()
