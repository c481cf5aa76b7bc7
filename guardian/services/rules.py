"""What a camera's watching goes by: labels, zones, lines, masks, hours. Replaced by its owner while everything runs.

A change is made to config.toml as it stands then, so that what was written by hand since the start is neither lost nor put
into force unasked, and goes to the camera's process as one message. Recording does not notice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from guardian.model.errors import NotFound
from guardian.model.messages import Message, NewRules
from guardian.services.configuration import change_detection
from guardian.settings.load import config_path, load
from guardian.settings.schema import DetectSettings, Settings


class RuleService:
    """Implements `contract.Rules`. `current` returns the settings in force and `use` replaces them; `send` reaches a camera's
    process, and says whether it is there.
    """

    def __init__(
        self,
        data_dir: Path,
        current: Callable[[], Settings],
        use: Callable[[Settings], None],
        send: Callable[[str, Message], bool],
    ) -> None:
        self._data_dir, self._current, self._use, self._send = data_dir, current, use, send
        self.lock = asyncio.Lock()  # of config.toml: whoever changes it holds it
        self._changed: dict[str, int] = {}  # cameras whose rules are no longer those of the start, and who was told last

    def get(self, camera: str) -> DetectSettings:
        """The rules in force. NotFound."""
        cameras = self._current().cameras
        if camera not in cameras:
            raise NotFound(
                f"there is no camera {camera!r}", field="camera", cure=f"Cameras: {', '.join(cameras) or 'none'}."
            )
        return cameras[camera].detect

    async def replace(self, camera: str, changes: Mapping[str, Any]) -> bool:
        """Put these fields of `settings.schema.DetectSettings` into force; say whether they were also written down.

        BadSetting names the field that is wrong, and changes nothing. A camera that config.toml does not know (the demo's) is
        changed until the end only.
        """
        self.get(camera)
        async with self.lock:
            running, written = self._current(), await asyncio.to_thread(self._written, camera)
            mine = change_detection(running, camera, changes)
            if written is not None:
                await asyncio.to_thread(change_detection, written, camera, changes, self._data_dir)
            self._use(mine)
            self._changed[camera] = 0
            self._tell(camera)
        return written is not None

    def _written(self, camera: str) -> Settings | None:
        if not config_path(self._data_dir).is_file():
            return None
        settings = load(self._data_dir)
        return settings if camera in settings.cameras else None

    def process_says(self, camera: str, pid: int) -> None:
        """A camera's process has reported: one that was starting when its rules were replaced gets them now."""
        if camera in self._changed and self._changed[camera] != pid:
            self._changed[camera] = pid
            self._tell(camera)

    def _tell(self, camera: str) -> None:
        settings = self._current()
        detect = settings.cameras[camera].detect
        self._send(camera, NewRules(detect.model_dump_json(), settings.place.time_zone))
