"""Zones: polygons over a camera's picture, in image-relative coordinates."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Zone:
    """A named polygon. `points` are (x, y) in 0..1, at least three; `labels` empty means every label."""

    name: str
    points: tuple[tuple[float, float], ...]
    labels: frozenset[str] = frozenset()

    def contains(self, x: float, y: float) -> bool:
        """Say whether a point lies inside, by the even-odd rule (ray casting; Shimrat 1962)."""
        inside = False
        last_x, last_y = self.points[-1]
        for px, py in self.points:
            if (py > y) != (last_y > y) and x < (last_x - px) * (y - py) / (last_y - py) + px:
                inside = not inside
            last_x, last_y = px, py
        return inside
