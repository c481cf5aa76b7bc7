"""What is told of a home, to the field: opaque cameras, words from lists, numbers; and that a command is passed on, not judged."""

from types import SimpleNamespace

import pytest
from guardian_saas import SaasPlugin, sync
from guardian_saas.config import SaasConfig

from guardian.model.camera import CameraState, CameraStatus, CameraView
from guardian.protocol.readings import READINGS
from guardian.protocol.v1 import events_pb2 as events
from guardian.protocol.v1 import link_pb2 as link
from guardian.sdk import CloudLine, PluginContext
from tests.support.relay import OwnClock

PLUGINS = (("wireguard", "running", True), ("plates", "failed", True), ("my_secret_hobby", "running", False))


def view(name, state, *, recording=False):
    return CameraView(name, f"The {name} of Canary Street", "rtsp", CameraStatus(name, state, 0, recording=recording))


CAMERAS = (
    view("front", CameraState.RUNNING, recording=True),
    view("yard", CameraState.RETRYING),
    view("attic", CameraState.STOPPED),
    view("lab", CameraState.FAILED),
)


@pytest.fixture
def house(tmp_path):
    said, asked = [], []

    async def say(what, body):
        said.append((what, body))

    async def ask(command):
        asked.append(command)
        one = events.Command.FromString(command)
        return events.CommandDone(id=one.id, ok=one.verb != "set", code="").SerializeToString() if one.id else b""

    def make(joined=True, **settings):
        context = PluginContext("saas", tmp_path, lambda: CAMERAS, None, clock=OwnClock())
        plugin = SaasPlugin(SaasConfig(**settings), context)
        (kind,) = plugin.register_cloud_syncs()
        made = kind.make()
        opaque = lambda camera: camera.encode().ljust(16, b".")  # noqa: E731
        made.use(CloudLine(say, opaque, ask, lambda: PLUGINS, joined=lambda: joined))
        return made

    return SimpleNamespace(make=make, said=said, asked=asked)


def test_the_inventory_has_nothing_but_what_is_accounted_for(house):
    raw = house.make().inventory()
    found = link.Inventory.FromString(raw)
    assert [(one.camera[:5], one.state) for one in found.cameras] == [
        (b"front", "recording"), (b"yard.", "connecting"), (b"attic", "off"), (b"lab..", "connecting"),
    ]  # fmt: skip
    assert [(one.name, one.state) for one in found.plugins] == [("wireguard", "running"), ("plates", "failed")]
    assert found.other_plugins == 1
    assert found.version
    for word in (b"Canary", b"hobby", b"rtsp"):
        assert word not in raw
    assert {field.name for field, _ in found.ListFields()} == {"cameras", "version", "plugins", "other_plugins"}


async def test_where_no_relay_is_joined_nothing_is_said(house):
    for joined, said in ((False, []), (True, ["health", "inventory"])):
        sync = house.make(joined=joined)
        await sync.keep_health()
        await sync.tell_inventory()
        assert [what for what, _ in house.said] == said


def test_plugins_are_not_told_where_the_owner_does_not_want_it(house):
    found = link.Inventory.FromString(house.make(plugins=False).inventory())
    assert (len(found.plugins), found.other_plugins, len(found.cameras)) == (0, 0, 4)


def test_health_is_numbers_from_the_list(house, monkeypatch, tmp_path):
    zone = tmp_path / "thermal_zone3"
    zone.mkdir()
    (zone / "type").write_text("x86_pkg_temp\n")
    (zone / "temp").write_text("51500\n")
    monkeypatch.setattr(sync, "TEMPERATURES", tmp_path)
    found = house.make().readings()
    assert set(found) <= set(READINGS)
    assert (found["cameras"], found["cameras_recording"], found["temperature_c"]) == (4, 1, 51.5)
    assert found["disk_total_bytes"] > found["disk_free_bytes"] > 0
    assert found["memory_bytes"] > 1e6


async def test_a_command_is_passed_on_as_it_came_and_a_report_is_made(house):
    made = house.make()
    ping = events.Command(id=b"i" * 16, verb="ping", signature=b"s" * 64).SerializeToString()
    assert events.CommandDone.FromString(await made.command(ping)).ok
    assert house.asked == [ping]
    assert house.said == []
    report = events.Command(id=b"r" * 16, verb="report").SerializeToString()
    assert events.CommandDone.FromString(await made.command(report)).ok
    assert [what for what, _ in house.said] == ["health", "inventory"]
    assert events.Telemetry.FromString(house.said[0][1]).readings["cameras"] == 4
    await made.command(events.Command(verb="report").SerializeToString())
    assert len(house.said) == 2, "what is not answered makes no report"


async def test_commands_can_be_turned_off_at_home(house):
    made = house.make(commands=False)
    done = events.CommandDone.FromString(await made.command(events.Command(id=b"i" * 16, verb="ping").SerializeToString()))
    assert (done.ok, done.code) == (False, "no_answer")
    assert house.asked == []
