"""The class every plugin derives from, its settings, and what it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from guardian.model.camera import CameraView
from guardian.model.segment import SegmentRecord


class PluginConfig(BaseModel):
    """A plugin's settings: `[plugins.NAME]` in the configuration. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class PluginContext:
    """What a plugin may use. `data_dir` is its own folder. `footage(segment)` yields a segment's sealed bytes."""

    name: str
    data_dir: Path
    cameras: Callable[[], tuple[CameraView, ...]]
    footage: Callable[[SegmentRecord], AsyncIterator[bytes]]


class Plugin:
    """Base of all plugins. Guardian makes one instance; hooks are methods marked with `@hookimpl`."""

    Config: ClassVar[type[PluginConfig]] = PluginConfig

    def __init__(self, config: PluginConfig, context: PluginContext) -> None:
        self.config = config
        self.context = context
