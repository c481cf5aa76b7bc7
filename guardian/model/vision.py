"""What watching sees: frame, region, detection, track. Boxes are image-relative: 0..1 from the top left corner."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in image-relative coordinates; `x1 <= x2`, `y1 <= y2`, each in 0..1."""

    x1: float
    y1: float
    x2: float
    y2: float

    @property
    def width(self) -> float:
        """Width as a share of the image's."""
        return self.x2 - self.x1

    @property
    def height(self) -> float:
        """Height as a share of the image's."""
        return self.y2 - self.y1

    @property
    def area(self) -> float:
        """Area as a share of the image's."""
        return max(0.0, self.width) * max(0.0, self.height)

    @property
    def centre(self) -> tuple[float, float]:
        """Middle point (x, y)."""
        return (self.x1 + self.x2) / 2, (self.y1 + self.y2) / 2

    @property
    def foot(self) -> tuple[float, float]:
        """Middle of the lower edge (x, y): where a standing thing touches the ground, and what zones test."""
        return (self.x1 + self.x2) / 2, self.y2

    def iou(self, other: "Box") -> float:
        """Intersection over union, 0..1."""
        w = min(self.x2, other.x2) - max(self.x1, other.x1)
        h = min(self.y2, other.y2) - max(self.y1, other.y1)
        if w <= 0 or h <= 0:
            return 0.0
        return w * h / (self.area + other.area - w * h)


@dataclass(frozen=True, slots=True)
class FrameInfo:
    """A decoded frame's place: camera, time (UTC and media clock), size in pixels. Never its pixels."""

    camera: str
    utc_us: int
    at_90k: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Region:
    """A square-ish part of a frame to look at, and why (`motion`, `track`, `floor`)."""

    box: Box
    why: str


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing found in one frame. `label` in the words of the model's card, `score` in 0..1."""

    label: str
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class Track:
    """One thing followed over frames. `age` counts updates it was matched in, `missed` those since the last match."""

    id: int
    label: str
    score: float
    box: Box
    age: int
    missed: int
