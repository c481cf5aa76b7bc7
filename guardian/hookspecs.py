"""The contract: every hook a plugin may fill, with its call mode.

Modes: *declare* (what is there; sync, once at start), *observe* (what happened; async, queued per plugin, nobody waits),
*ask* (who knows; async, with a deadline). pluggy gives naming, argument opt-in and validation; Guardian's dispatcher
(`guardian.pluginhost.dispatch`) gives isolation, deadlines and order. A hook ships when a first-party plugin uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

import pluggy

if TYPE_CHECKING:
    from guardian.interfaces import (
        ArchiveKind,
        AudioDetectorKind,
        CameraKind,
        ClassifierKind,
        CloudSyncKind,
        DetectorKind,
        HealthCheck,
        Job,
        NotifierKind,
        RelayLinkKind,
        StorageKind,
        TextEmbedderKind,
        TrackerKind,
    )
    from guardian.model.camera import CameraChange, FoundCamera
    from guardian.model.event import Event
    from guardian.model.segment import SegmentRecord
    from guardian.model.views import Hold

PROJECT = "guardian"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Policy:
    """How a hook is called. `deadline_s` bounds one call to one plugin; `queue` bounds what waits for a slow observer."""

    mode: Literal["declare", "observe", "ask"]
    deadline_s: float
    queue: int = 0


POLICIES: dict[str, Policy] = {}


def _declared(policy: Policy) -> Callable[[F], F]:
    def mark(function: F) -> F:
        POLICIES[function.__name__] = policy
        return hookspec(function)

    return mark


def declare() -> Callable[[F], F]:
    """Mark a declare hook."""
    return _declared(Policy("declare", 2.0))


def observe(deadline_s: float = 10.0, queue: int = 256) -> Callable[[F], F]:
    """Mark an observe hook."""
    return _declared(Policy("observe", deadline_s, queue))


def ask(deadline_s: float = 5.0) -> Callable[[F], F]:
    """Mark an ask hook."""
    return _declared(Policy("ask", deadline_s))


class Hooks:
    """All hooks. A plugin is a class whose methods carry `@hookimpl` and one of these names."""

    # What there is

    @declare()
    def register_cameras(self) -> Sequence[CameraKind]:  # type: ignore[empty-body]
        """Kinds of camera source this plugin can open."""

    @declare()
    def register_detectors(self) -> Sequence[DetectorKind]:  # type: ignore[empty-body]
        """Runtimes that can run detector models, with the devices they found."""

    @declare()
    def register_trackers(self) -> Sequence[TrackerKind]:  # type: ignore[empty-body]
        """Kinds of tracker."""

    @declare()
    def register_classifiers(self) -> Sequence[ClassifierKind]:  # type: ignore[empty-body]
        """Classifiers that say more of an event's best pictures."""

    @declare()
    def register_audio_detectors(self) -> Sequence[AudioDetectorKind]:  # type: ignore[empty-body]
        """Detectors of sounds."""

    @declare()
    def register_text_embedders(self) -> Sequence[TextEmbedderKind]:  # type: ignore[empty-body]
        """Embedders by which events are searched by meaning."""

    @declare()
    def register_storage(self) -> Sequence[StorageKind]:  # type: ignore[empty-body]
        """Further places to keep sealed segments."""

    @declare()
    def register_notifiers(self) -> Sequence[NotifierKind]:  # type: ignore[empty-body]
        """Ways to tell the owner."""

    @declare()
    def register_relay_links(self) -> Sequence[RelayLinkKind]:  # type: ignore[empty-body]
        """Ways to reach a relay."""

    @declare()
    def register_cloud_syncs(self) -> Sequence[CloudSyncKind]:  # type: ignore[empty-body]
        """Ways to tell a cloud how the home is, and to be asked by it."""

    @declare()
    def register_health_checks(self) -> Sequence[HealthCheck]:  # type: ignore[empty-body]
        """Checks for `guardian doctor` and the system page."""

    @declare()
    def register_jobs(self) -> Sequence[Job]:  # type: ignore[empty-body]
        """Work that Guardian does again and again."""

    @declare()
    def register_archives(self) -> Sequence[ArchiveKind]:  # type: ignore[empty-body]
        """Archives outside the house that `guardian archive` and the system page speak to."""

    # What happens

    @observe()
    async def startup(self) -> None:
        """Everything declared is accepted and configuration is valid; runs before any other observe hook."""

    @observe(deadline_s=5.0)
    async def shutdown(self) -> None:
        """The plugin is about to stop."""

    @observe()
    async def camera_changed(self, change: CameraChange) -> None:
        """A camera was added or removed, came online or went away."""

    @observe(deadline_s=60.0)
    async def segment_sealed(self, segment: SegmentRecord) -> None:
        """A segment is complete on disk and indexed."""

    @observe()
    async def footage_protected(self, hold: Hold) -> None:
        """A span of footage is to be kept; told again at each start, and when the end of one that lasted is known."""

    @observe()
    async def event_started(self, event: Event) -> None:
        """Something began that the rules call an event."""

    @observe()
    async def event_updated(self, event: Event) -> None:
        """An event goes on; at most once a second an event."""

    @observe()
    async def event_ended(self, event: Event) -> None:
        """The event is over."""

    # What is asked

    @ask(deadline_s=5.0)
    async def discover_cameras(self) -> Sequence[FoundCamera]:  # type: ignore[empty-body]
        """Cameras on this machine or its networks."""
