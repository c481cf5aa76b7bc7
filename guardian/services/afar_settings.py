"""What may be set from afar, and nothing else: a short list of switches and numbers, none of which leads anywhere or names anybody.

Not on it, signed or not: addresses, passwords, plugins, paths, the vault, and what is listened on. Who could set those could take the house.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from guardian.model.command import Wish
from guardian.model.errors import NotAllowed
from guardian.services.configuration import change_setting
from guardian.services.rules import RuleService
from guardian.settings.load import config_path, load
from guardian.settings.schema import Settings

OF_CAMERA: Mapping[str, str] = MappingProxyType(
    {
        "enabled": "use the camera at all",
        "detect.enabled": "watch it",
        "detect.min_score": "least score of a detection",
        "detect.event_min_score": "best score that an event must reach",
        "detect.min_seconds": "how long a thing must be seen",
        "detect.end_after_s": "how long it must be gone",
        "retention.days": "how old its footage may get",
        "retention.max_gb": "how much room its footage may take",
    }
)
OF_HOUSE: Mapping[str, str] = MappingProxyType(
    {
        "storage.days": "how old footage may get",
        "storage.max_gb": "how much room all footage may take",
    }
)
RESTARTS = frozenset({"enabled", "detect.enabled"})  # the camera's process is begun anew, or ended


class AfarSettings:
    """Changes them. `current` and `use` are the settings in force; `restart(camera)` has a camera's process go by them."""

    def __init__(
        self,
        data_dir: Path,
        current: Callable[[], Settings],
        use: Callable[[Settings], None],
        rules: RuleService,
        restart: Callable[[str], Awaitable[None]],
    ) -> None:
        self._data_dir, self._current, self._use = data_dir, current, use
        self._rules, self._restart = rules, restart

    def check(self, wish: Wish) -> None:
        """NotAllowed, NotFound, BadSetting: what `set` would say."""
        self._path(wish)
        change_setting(self._current(), self._path(wish), wish.value)

    def _path(self, wish: Wish) -> tuple[str, ...]:
        allowed = OF_CAMERA if wish.camera else OF_HOUSE
        if wish.setting not in allowed:
            where = "of a camera" if wish.camera else "of the house; name a camera for its own"
            cure = f"From afar ({where}): {', '.join(allowed)}."
            raise NotAllowed(f"{wish.setting!r} cannot be set from afar", field="setting", cure=cure)
        if wish.camera:
            self._rules.get(wish.camera)
            return ("cameras", wish.camera, *wish.setting.split("."))
        return tuple(wish.setting.split("."))

    async def set(self, wish: Wish) -> bool:
        """Put a wish into force and say whether config.toml keeps it; what is so already is done. NotAllowed, NotFound, BadSetting."""
        path = self._path(wish)
        part, _, field = wish.setting.partition(".")
        if wish.camera and part == "detect" and wish.setting not in RESTARTS:
            return await self._rules.replace(wish.camera, {field: wish.value})
        async with self._rules.lock:
            before = self._current()
            changed = change_setting(before, path, wish.value)
            kept = await asyncio.to_thread(self._write, path, wish)
            self._use(changed)
            if wish.setting in RESTARTS and changed != before:
                await self._restart(wish.camera)
        return kept

    def _write(self, path: tuple[str, ...], wish: Wish) -> bool:
        """Change config.toml as it stands now. A camera that it does not know (the demo's) is changed until the end only."""
        if not config_path(self._data_dir).is_file():
            return False
        written = load(self._data_dir)
        if wish.camera and wish.camera not in written.cameras:
            return False
        change_setting(written, path, wish.value, self._data_dir)
        return True
