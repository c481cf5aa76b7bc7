"""Tells the owner through the notifiers they chose, and tries again when one is away. Never holds up anything else."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from guardian.interfaces import Notification, Notifier
from guardian.model.errors import GuardianError
from guardian.model.event import Event
from guardian.platform.clock import Clock
from guardian.platform.tasks import Tasks

_log = structlog.get_logger(__name__)
RETRY_AFTER_S = (2.0, 15.0, 60.0, 300.0)


@dataclass(frozen=True, slots=True)
class Channel:
    """One configured notifier and what it wants to hear of (empty: everything)."""

    name: str
    notifier: Notifier
    labels: frozenset[str]
    cameras: frozenset[str]

    def wants(self, event: Event) -> bool:
        """Say whether an event is for this channel."""
        return (not self.labels or event.label in self.labels) and (not self.cameras or event.camera in self.cameras)


class NotificationService:
    """Sends a notification an event, when it starts, and what concerns the whole box."""

    def __init__(self, channels: tuple[Channel, ...], clock: Clock, tasks: Tasks) -> None:
        self._channels, self._clock, self._tasks = channels, clock, tasks
        self.base_url = ""

    def event_started(self, event: Event, camera_name: str) -> None:
        """Tell every channel that wants it."""
        url = f"{self.base_url}/events/{event.id}"
        what = event.label.replace("_", " ").capitalize()
        notification = Notification(f"{what} at {camera_name}", _body(event, camera_name), event, url)
        for channel in self._channels:
            if channel.wants(event):
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
