"""Tells the owner through the notifiers they chose, and tries again when one is away. Never holds up anything else."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import structlog

from guardian.interfaces import Notification, Notifier
from guardian.model.errors import GuardianError
from guardian.model.event import Event, EventState, HappeningKind
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks

_log = structlog.get_logger(__name__)
RETRY_AFTER_S = (2.0, 15.0, 60.0, 300.0)
MOST_REMEMBERED = 1000  # events that channels were told of: it must not be told twice


@dataclass(frozen=True, slots=True)
class Channel:
    """One configured notifier and what it wants to hear of (empty: everything)."""

    name: str
    notifier: Notifier
    labels: frozenset[str]
    cameras: frozenset[str]
    zones: frozenset[str] = frozenset()
    happenings: frozenset[HappeningKind] = frozenset()

    def wants(self, event: Event) -> bool:
        """Say whether an event, as it is by now, is for this channel."""
        return (
            (not self.labels or event.label in self.labels)
            and (not self.cameras or event.camera in self.cameras)
            and self._happened(event)
        )

    def _happened(self, event: Event) -> bool:
        if not self.happenings:
            return not self.zones or not self.zones.isdisjoint(event.zones)
        return any(one.what in self.happenings and (not self.zones or one.zone in self.zones) for one in event.happenings)


class NotificationService:
    """Sends one notification an event, as soon as it is what a channel wants to hear of, and what concerns the whole box."""

    def __init__(self, channels: tuple[Channel, ...], clock: Clock, tasks: Tasks) -> None:
        self._channels, self._clock, self._tasks = channels, clock, tasks
        self.base_url = ""
        self._told: OrderedDict[tuple[str, str], None] = OrderedDict()

    def event_changed(self, what: str, event: Event, camera_name: str) -> None:
        """Tell every channel that wants it by now: at its start, or once it is in a zone or has done there what they wait for."""
        url = f"{self.base_url}/events/{event.id}"
        title = f"{event.label.replace('_', ' ').capitalize()} at {camera_name}"
        notification = Notification(title, _body(event, camera_name), event, url)
        goes_on = what == "end" or (
            what == "update" and event.state is EventState.ACTIVE
        )  # else it is judged or protected later
        for channel in self._channels:
            later = bool(channel.zones or channel.happenings)
            if (what == "start" or (later and goes_on)) and channel.wants(event):
                self._tell_once(channel, notification, event)

    def _tell_once(self, channel: Channel, notification: Notification, event: Event) -> None:
        key = (channel.name, event.id)
        if key in self._told:
            return
        self._told[key] = None
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
        self._tasks.spawn(self._deliver(channel, notification), f"notify {channel.name}")

    def tell(self, title: str, body: str) -> None:
        """Tell every channel of something that concerns the whole box."""
        notification = Notification(title, body, None, f"{self.base_url}/system")
        for channel in self._channels:
            self._tasks.spawn(self._deliver(channel, notification), f"notify {channel.name}")

    async def _deliver(self, channel: Channel, notification: Notification) -> None:
        for wait_s in (*RETRY_AFTER_S, None):
            try:
                await channel.notifier.send(notification)
            except GuardianError as error:
                if not error.retry or wait_s is None:
                    _log.warning("notification_lost", channel=channel.name, problem=error.message, cure=error.cure)
                    return
                await self._clock.sleep(wait_s)
            except Exception as error:  # noqa: BLE001 - foreign code: the channel named in the log
                _log.warning("notifier_failed", channel=channel.name, problem=type(error).__name__)
                return
            else:
                return


def _body(event: Event, camera_name: str) -> str:
    """What is known when it begins: classifiers say more a moment later, on the event's page."""
    known = [*([event.sub_label] if event.sub_label else []), *(f"{one.name}: {one.value}" for one in event.attributes)]
    return " ".join([f"{'Seen' if event.path else 'Heard'} by {camera_name}.", *([", ".join(known) + "."] if known else [])])
