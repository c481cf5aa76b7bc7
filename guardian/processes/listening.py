"""Listening put together for one camera: its settings, the detectors of sounds that plugins bring, and the events they make."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from guardian.events.sounds import SoundEvents
from guardian.interfaces import AudioDetector
from guardian.listen.listener import Listener
from guardian.model.errors import GuardianError
from guardian.model.messages import EventReport
from guardian.model.time import SECOND_US
from guardian.platform.clock import Clock, new_id
from guardian.pluginhost.registry import PluginRegistry
from guardian.settings.schema import AudioSettings

_log = structlog.get_logger(__name__)


def make_listener(
    camera: str,
    options: AudioSettings,
    registry: PluginRegistry,
    clock: Clock,
    report: Callable[[EventReport], None],
) -> Listener | None:
    """Return a running listener; close it. None where no detector could be made: recording goes on without."""
    detectors: list[tuple[str, AudioDetector]] = []
    for name in options.detectors:
        try:
            detectors.append((name, registry.audio_detector(name).make()))
        except GuardianError as error:
            _log.error("not_listening", detector=name, problem=error.message, cure=error.cure)
        except Exception as error:  # noqa: BLE001 - foreign code: the detector named in the log
            _log.error("not_listening", detector=name, problem=f"{type(error).__name__}: {error}")
    if not detectors:
        return None
    labels = frozenset(options.labels)
    events = SoundEvents(camera, labels, round(options.end_after_s * SECOND_US), lambda: new_id(clock))
    return Listener(camera, detectors, events, report, clock)
