"""What a place is that keeps copies of packs, as values and one small Protocol. Folder, S3, Kubo and Filecoin are its kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from guardian.sdk import ServiceUnavailable
from guardian_filecoin.layout import Layout
from guardian_filecoin.states import Copy


class NotYet(ServiceUnavailable):
    """The place has taken it and is not done. It is asked again, and not taken for one that fails."""

    code = "not_yet"


@dataclass(frozen=True, slots=True)
class Parcel:
    """A pack's CAR that is to go somewhere. `parts()` yields it from the start, each time it is called."""

    root: str
    piece: str
    size_bytes: int
    parts: Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True, slots=True)
class Held:
    """A pack that a place has. `root` or `piece` may be empty where the place does not call it so."""

    root: str
    piece: str
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Quote:
    """What packs cost: once, and each month. In 10^-18 of `currency`."""

    once: int
    month: int
    currency: str


class Memory(Protocol):
    """What a place remembers beside its copies; on the disk when `put` returns."""

    async def get(self, key: str) -> str: ...

    async def put(self, key: str, value: str) -> None: ...


class Place(Protocol):
    """Keeps copies. Every call may raise ServiceUnavailable (try again) or BadSetting (it is no use)."""

    @property
    def kind(self) -> str:
        """Its kind, such as s3."""
        ...

    @property
    def public(self) -> bool:
        """Whether strangers can fetch what it has."""
        ...

    async def advance(self, copy: Copy, parcel: Parcel) -> Copy:
        """Take a copy one step on towards `committed`, from whatever state, and return it as it is then.

        What was done before a crash is found again and not done twice: paid for, above all.
        """
        ...

    async def look(self, held: Held) -> Layout:
        """Read which leaves a pack has, from the place itself."""
        ...

    async def leaf(self, held: Held, layout: Layout, index: int) -> bytes:
        """Fetch one leaf. It is not checked yet: the place may lie."""
        ...

    def found(self) -> AsyncIterator[Held]:
        """Yield what is there; it may be of others, too."""
        ...

    async def quote(self, sizes: Sequence[int]) -> Quote | None:
        """Return what CARs of these sizes cost; None where the place has no price list."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
