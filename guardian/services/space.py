"""How the disk is as one word, ok, making room, paused or failing, and a message to the owner whenever that changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from guardian.model.camera import CameraView
from guardian.model.views import CameraSpace, SpaceState, SpaceStatus, TierStatus
from guardian.platform.clock import Clock
from guardian.services.storage import rules_of
from guardian.settings.schema import Settings

_log = structlog.get_logger(__name__)
MAKES_ROOM_FOR_S = 3600.0  # a disk that is always full makes room every minute, and is told of once
LOOK_EVERY_S = 2.0
REFUSED = ("disk_full", "resource_gone")  # codes of a camera whose recording the disk refuses
WORDS = {
    SpaceState.OK: "Recording has room again",
    SpaceState.MAKING_ROOM: "The disk is full: the oldest footage is being deleted",
    SpaceState.PAUSED: "Recording is paused: the disk is full",
    SpaceState.FAILING: "Recording fails: the disk refuses to be written",
}
BAD = (SpaceState.PAUSED, SpaceState.FAILING)


@dataclass(frozen=True, slots=True)
class SpaceSources:
    """Where it is read from. `usage` and `held`: bytes on our own disk by camera. `tell(title, body)`: tells the owner."""

    settings: Callable[[], Settings]
    cameras: Callable[[], tuple[CameraView, ...]]
    usage: Callable[[], Awaitable[Mapping[str, int]]]
    held: Callable[[], Awaitable[Mapping[str, int]]]
    tell: Callable[[str, str], None]
    tiers: Callable[[], tuple[TierStatus, ...]] = tuple


class SpaceService:
    """Keeps the state. `run` it in a task; `paused` and `made_room` are told by retention."""

    def __init__(self, clock: Clock, sources: SpaceSources) -> None:
        self._clock, self._sources = clock, sources
        self._paused, self._room_until_s = "", -1.0
        self._state, self._why, self._cure = SpaceState.OK, "", ""
        self._since_us = clock.now().utc_us

    def paused(self, why: str) -> None:
        """Recording is paused for this reason; resumed, where it is empty."""
        self._paused = why
        self._look()

    def made_room(self) -> None:
        """Footage had to go because the disk was short of room."""
        self._room_until_s = self._clock.mono_s() + MAKES_ROOM_FOR_S
        self._look()

    async def run(self) -> None:
        """Look at it for ever."""
        while True:
            self._look()
            await self._clock.sleep(LOOK_EVERY_S)

    def _look(self) -> None:
        state, why, cure = self._now()
        self._why, self._cure = why, cure
        if state is self._state:
            return
        before, self._state, self._since_us = self._state, state, self._clock.now().utc_us
        _log.warning("disk_state", state=state.value, before=before.value, why=why)
        if state is not SpaceState.OK or before in BAD:  # that the last hour needed no deletion is no news
            title = WORDS[SpaceState.OK] if before in BAD and state not in BAD else WORDS[state]
            self._sources.tell(title, f"{why} {cure}".strip() or "Everything is recorded.")

    def _now(self) -> tuple[SpaceState, str, str]:
        refused = [one for one in self._sources.cameras() if one.record and one.status.code in REFUSED]
        if self._paused:
            return SpaceState.PAUSED, _sentence(self._paused), "Free some space, or take protection off footage."
        if refused:
            status = refused[0].status
            names = ", ".join(one.name for one in refused)
            return SpaceState.FAILING, f"{names}: {_sentence(status.problem)}", _sentence(status.cure)
        if self._clock.mono_s() < self._room_until_s:
            cure = "Nothing needs to be done, unless footage should be kept longer: then it needs a larger disk."
            return SpaceState.MAKING_ROOM, "The oldest footage makes room for new, before its time is over.", cure
        return SpaceState.OK, "", ""

    def brief(self) -> SpaceStatus:
        """The state, without figures."""
        return SpaceStatus(self._state, self._since_us, self._why, self._cure)

    async def status(self) -> SpaceStatus:
        """The state, and what each camera takes."""
        settings, usage, held = self._sources.settings(), await self._sources.usage(), await self._sources.held()
        rules = rules_of(settings)
        names = sorted({*settings.cameras, *usage})
        return replace(
            self.brief(),
            reserve_bytes=rules.floor_bytes,
            max_bytes=rules.general.max_bytes,
            held_bytes=sum(held.values()),
            cameras=tuple(
                CameraSpace(
                    name,
                    usage.get(name, 0),
                    held.get(name, 0),
                    rules.cameras[name].max_bytes if name in rules.cameras else None,
                    rules.age_of(name),
                )
                for name in names
            ),
            tiers=self._sources.tiers(),
        )


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text[:1].upper()}{text[1:]}."
