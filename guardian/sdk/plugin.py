"""The class every plugin derives from, its settings, and what it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NoReturn

from pydantic import BaseModel, ConfigDict

from guardian.model.camera import CameraView
from guardian.model.errors import BadSetting, ServiceUnavailable
from guardian.model.event import Event
from guardian.model.segment import SegmentRecord
from guardian.platform.clock import Clock, SystemClock


class PluginConfig(BaseModel):
    """A plugin's settings: `[plugins.NAME]` in the configuration. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def no_sealing(name: str, text: bytes, sizes: tuple[int, ...], utc_us: int) -> bytes:
    """What `PluginContext.seal` is where there is no vault."""
    raise ServiceUnavailable("nothing is sealed in this process")


def _not_here(*_: object) -> NoReturn:
    raise BadSetting("this process does not offer that to plugins")


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin may use. `data_dir` is its own folder. `footage(segment)` yields a segment's sealed bytes.

    `seal(name, text, sizes, utc_us)` seals a JSON text to the vault, padded to one of the sizes; it works while the vault is
    locked. `name` is the UUIDv7 that stands in its clear header, beside that time. ServiceUnavailable where a process offers no sealing.
    `segments(camera, stream, start_us, end_us)` gives the sealed segments that share a moment with a span. `seal_key(key)`
    seals a key of 32 bytes to the vault, also while it is locked: only its owner opens it again, and only for this plugin.
    `events(start_us)` gives the events that were going on at a moment or have begun since, the oldest first, as they are known by now.
    Each raises BadSetting in a process that does not offer it.
    """

    name: str
    data_dir: Path
    cameras: Callable[[], tuple[CameraView, ...]]
    footage: Callable[[SegmentRecord], AsyncIterator[bytes]]
    seal: Callable[[str, bytes, tuple[int, ...], int], bytes] = no_sealing
    clock: Clock = field(default_factory=SystemClock)
    segments: Callable[[str, str, int, int], Awaitable[tuple[SegmentRecord, ...]]] = _not_here
    seal_key: Callable[[bytes], bytes] = _not_here
    events: Callable[[int], Awaitable[tuple[Event, ...]]] = _not_here


class Plugin:
    """Base of all plugins. Guardian makes one instance; hooks are methods marked with `@hookimpl`."""

    Config: ClassVar[type[PluginConfig]] = PluginConfig

    def __init__(self, config: PluginConfig, context: PluginContext) -> None:
        self.config = config
        self.context = context
