"""What is in the way of a tunnel is said plainly, with its cure; and where no relay is joined nothing is wrong."""

from guardian_wireguard import WireGuardPlugin, checks
from guardian_wireguard.config import WireGuardConfig

from guardian.model.health import Health
from guardian.model.relay import RelayState
from guardian.sdk import PluginContext


def test_without_a_relay_nothing_is_wrong():
    assert [one.health for one in checks.findings(joined=False)] == [Health.INFO]


def test_each_thing_that_lacks_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)
    monkeypatch.setattr(checks, "may_change_network", lambda: False)
    said = " ".join(f"{one.message} {one.cure}" for one in checks.obstacles(kernel=tmp_path / "no", tun=tmp_path / "no"))
    for word in ("`wg`", "wireguard-tools", "`ip`", "`nft`", "CAP_NET_ADMIN", "wireguard-go"):
        assert word in said
    monkeypatch.setattr(checks.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(checks, "may_change_network", lambda: True)
    (found,) = checks.obstacles(kernel=tmp_path / "no", tun=tmp_path / "tun")
    assert "cannot open" in found.message
    assert list(checks.obstacles(kernel=tmp_path)) == []


def test_the_right_is_read_from_the_kernels_words(tmp_path):
    status = tmp_path / "status"
    status.write_text("CapEff:\t0000000000001000\n")
    assert checks.may_change_network(status)
    status.write_text("CapEff:\t0000000000000fff\n")
    assert not checks.may_change_network(status)
    assert not checks.may_change_network(tmp_path / "none")


async def test_unjoined_it_does_nothing_and_keeps_nothing(tmp_path):
    plugin = WireGuardPlugin(WireGuardConfig(), PluginContext("wireguard", tmp_path / "p", tuple, None))
    await plugin.startup()
    (kind,) = plugin.register_relay_links()
    assert kind.make().status().state is RelayState.NONE
    await plugin.event_started(None)
    await plugin.camera_changed(None)
    await plugin.segment_sealed(None)
    await plugin.shutdown()
    assert not (tmp_path / "p").exists()
