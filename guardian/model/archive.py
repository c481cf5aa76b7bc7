"""What an archive outside the house says of itself. No name of a camera, no time of footage."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArchivePlace:
    """One place that keeps copies. `verified`: packs of which random parts were fetched back and matched.

    `public`: whoever knows a pack's name can fetch it, and nobody can take it back. `paid`, `a_month`: in `currency`, as far
    as the place's own price list tells; empty: it has none.
    """

    name: str
    kind: str
    public: bool
    copies: int
    verified: int
    size_bytes: int
    problem: str = ""
    cure: str = ""
    paid: str = ""
    a_month: str = ""
    currency: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveStatus:
    """An archive as a whole. `states`: how many packs are in which state. `waiting`: segments that are in no pack yet.

    `missed`: segments that were deleted here before they were packed. `notice`: what the owner must know before the first
    upload, or always; `held_back`: why nothing is uploaded now. `next_cost`: what the waiting packs will cost, before they go.
    """

    name: str
    title: str
    places: tuple[ArchivePlace, ...]
    states: tuple[tuple[str, int], ...]
    packs: int
    verified: int
    waiting: int
    waiting_bytes: int
    missed: int
    notice: str = ""
    held_back: str = ""
    next_cost: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveCheck:
    """What looking at one copy found; `problem` is empty where every part that was fetched matched."""

    pack: str
    place: str
    parts: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveRestored:
    """What was restored. `foreign`: packs that this vault does not open. `problems`: packs, or parts, that no place gave back."""

    packs: int
    segments: int
    size_bytes: int
    foreign: int
    problems: tuple[str, ...]
