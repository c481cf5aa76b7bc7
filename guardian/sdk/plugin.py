"""The class every plugin derives from, its settings, and what it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

from pydantic import BaseModel, ConfigDict

from guardian.model.camera import CameraView
from guardian.model.errors import BadSetting
from guardian.model.segment import SegmentRecord


class PluginConfig(BaseModel):
    """A plugin's settings: `[plugins.NAME]` in the configuration. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _not_here(*_: object) -> NoReturn:
    raise BadSetting("this process does not offer that to plugins")


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin may use. `data_dir` is its own folder. `footage(segment)` yields a segment's sealed bytes.

    `segments(camera, stream, start_us, end_us)` gives the sealed segments that share a moment with a span. `seal_key(key)`
    seals a key of 32 bytes to the vault, also while it is locked: only its owner opens it again, and only for this plugin.
    `now_us()` is the time (UTC). Each raises BadSetting in a process that does not offer it.
    """

    name: str
    data_dir: Path
    cameras: Callable[[], tuple[CameraView, ...]]
    footage: Callable[[SegmentRecord], AsyncIterator[bytes]]
    segments: Callable[[str, str, int, int], Awaitable[tuple[SegmentRecord, ...]]] = _not_here
    seal_key: Callable[[bytes], bytes] = _not_here
    now_us: Callable[[], int] = _not_here


class Plugin:
    """Base of all plugins. Guardian makes one instance; hooks are methods marked with `@hookimpl`."""

    Config: ClassVar[type[PluginConfig]] = PluginConfig

    def __init__(self, config: PluginConfig, context: PluginContext) -> None:
        self.config = config
        self.context = context
