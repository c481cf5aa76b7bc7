"""The sync: health and inventory up, commands down. What may be done is not decided here: Guardian holds a command against the home's key."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from guardian import __version__
from guardian.sdk import CloudLine, PluginContext, Tasks, resident_bytes
from guardian_saas.config import SaasConfig

MILLI = 1000.0
TEMPERATURES = Path("/sys/class/thermal")
PROCESSOR = ("x86_pkg_temp", "cpu", "soc", "acpitz")  # types of thermal zones that are the processor's, the best first


class Sync:
    """Implements CloudSync."""

    def __init__(self, config: SaasConfig, context: PluginContext) -> None:
        self._config, self._context = config, context
        self._line: CloudLine | None = None
        self._tasks = Tasks()

    def use(self, line: CloudLine) -> None:
        self._line = line

    def readings(self) -> Mapping[str, float]:
        cameras = self._context.cameras()
        found = {
            "cameras": float(len(cameras)),
            "cameras_recording": float(sum(one.status.recording for one in cameras)),
            "memory_bytes": float(resident_bytes()),
        }
        try:
            disk = shutil.disk_usage(self._context.data_dir if self._context.data_dir.exists() else Path.home())
            found |= {"disk_free_bytes": float(disk.free), "disk_total_bytes": float(disk.total)}
        except OSError:
            pass
        if (degrees := _temperature_c()) is not None:
            found["temperature_c"] = degrees
        return found

    def inventory(self) -> bytes:
        from guardian_saas.words import inventory

        assert self._line is not None
        plugins = self._line.plugins() if self._config.plugins else ()
        made = inventory(self._context.cameras(), plugins, self._line.opaque, __version__)
        return bytes(made.SerializeToString(deterministic=True))

    def statements(self) -> Sequence[bytes]:
        return self._line.statements() if self._line is not None else ()

    def tell_statement(self, statement: bytes) -> None:
        if self._line is not None:
            self._tasks.spawn(self._line.say("statement", statement), "a statement for the cloud")

    async def command(self, command: bytes) -> bytes:
        from guardian.protocol.v1 import events_pb2 as events

        assert self._line is not None
        asked: events.Command = events.Command.FromString(command)
        if not self._config.commands:
            refused = events.CommandDone(id=asked.id, code="no_answer", message="this home takes no commands")
            return bytes(refused.SerializeToString())
        done = await self._line.ask(command)
        if asked.verb == "report" and done and events.CommandDone.FromString(done).ok:
            await self.keep_health()
            await self.tell_inventory()
        return done

    async def keep_health(self) -> None:
        """Keep how this machine is: it goes up now, or when the relay is there again."""
        if self._line is None or not self._line.joined():
            return
        from guardian.protocol.v1 import events_pb2 as events

        now_s = self._context.clock.now().utc_us // 1_000_000
        sample = events.Telemetry(time_s=now_s, readings=dict(self.readings()))
        await self._line.say("health", bytes(sample.SerializeToString()))

    async def tell_inventory(self) -> None:
        """Say what is here, now."""
        if self._line is not None and self._line.joined():
            await self._line.say("inventory", self.inventory())


def _temperature_c() -> float | None:
    found: dict[str, float] = {}
    for zone in TEMPERATURES.glob("thermal_zone*"):
        try:
            kind, value = (zone / "type").read_text().strip(), float((zone / "temp").read_text()) / MILLI
        except (OSError, ValueError):
            continue
        found[kind] = value
    return next((value for word in PROCESSOR for kind, value in found.items() if kind.startswith(word)), None)
