"""Settings: what lacks, is unknown or wrong is named."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from guardian_relay.cli import cli
from guardian_relay.doctor import examine, may_change_network
from guardian_relay.errors import RelayError
from guardian_relay.health import metrics_text, open_health
from guardian_relay.keys import load_identity
from guardian_relay.settings import RelaySettings, load
from guardian_relay.tunnel import Tunnel
from pydantic import BaseModel

from guardian.protocol.pairing import read_invitation
from guardian.protocol.wireguard import Seen
from tests.support.postgres import free_port
from tests.support.relay import OwnClock

GOOD = '[pairing]\nlisten = "127.0.0.1:0"\naddress = "relay.example:7443"\n[health]\nlisten = "127.0.0.1:1"\n'


def written(tmp_path, text):
    file = tmp_path / "relay.toml"
    file.write_text(f'state = "{tmp_path / "state"}"\n{text}')
    return file


def test_the_endpoint_is_that_of_pairing_unless_said(tmp_path):
    assert load(written(tmp_path, GOOD)).endpoint == "relay.example:51820"
    assert load(written(tmp_path, GOOD + '[tunnel]\nendpoint = "other:1"\n')).endpoint == "other:1"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "pairing"),
        ('[pairing]\naddress = "relay"\n', "pairing.address"),
        (GOOD + "[clips]\nquota = 3\n", "clips.quota"),
        (GOOD + "[tunnel]\nlink_port = 70000\n", "tunnel.link_port"),
        ("[pairing\n", "cannot be read"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    with pytest.raises(RelayError, match=named):
        load(written(tmp_path, text))


def test_an_invitation_names_this_relay_and_is_kept_as_a_hash(tmp_path):
    done = CliRunner().invoke(cli, ["invite", "--config", str(written(tmp_path, GOOD)), "--json"])
    assert done.exit_code == 0, done.output
    invitation = read_invitation(json.loads(done.stdout)["invitation"])
    assert invitation.address == "relay.example:7443"
    assert invitation.certificate_sha256 == load_identity(tmp_path / "state", 0).certificate_sha256
    assert invitation.code not in (tmp_path / "state/relay.db").read_bytes()
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "state/keys").iterdir())


def test_commands_say_what_to_do(tmp_path):
    file = str(written(tmp_path, GOOD))
    assert "does not run" in CliRunner().invoke(cli, ["status", "--config", file]).stderr
    assert "enrol_url" in CliRunner().invoke(cli, ["enrol", "--config", file, "--code-file", "-"], input="x").stderr
    assert "there is no" in CliRunner().invoke(cli, ["run", "--config", str(tmp_path / "none.toml")]).stderr
    assert CliRunner().invoke(cli, ["forget", "--config", file, "--yes"]).exit_code == 0


async def test_status_fails_where_healthz_does(tmp_path):
    problems = []

    async def status():
        return {"problems": problems}

    place = f"127.0.0.1:{free_port()}"
    file = str(written(tmp_path, GOOD.replace("127.0.0.1:1", place)))
    runner = await open_health(place, status)
    try:
        for expected in (0, 1):
            done = await asyncio.to_thread(CliRunner().invoke, cli, ["status", "--config", file, "--json"])
            assert (done.exit_code, json.loads(done.stdout)) == (expected, {"problems": problems})
            problems.append("the store does not answer")
    finally:
        await runner.cleanup()


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "state").write_text("a file")
    file = str(written(tmp_path, GOOD))
    for command in ("run", "invite"):
        done = CliRunner().invoke(cli, [command, "--config", file])
        assert done.exit_code == 1
        assert f"state: {tmp_path / 'state'} cannot be" in done.stderr


def test_a_tunnel_is_given_time_before_nobody_can_look_at_it():
    clock = OwnClock()
    clock.ms += 3_600_000  # the relay has run for long when a home joins
    tunnel = Tunnel(None, None, clock, None)
    clock.ms += 9_000
    assert not tunnel.hidden
    clock.ms += 2_000
    assert tunnel.hidden
    tunnel.seen = Seen(endpoint="", handshake_s=0, received=0, sent=0)
    assert not tunnel.hidden


def test_doctor_looks_at_everything(tmp_path):
    found = {one.check: one for one in examine(load(written(tmp_path, GOOD + '[cloud]\naddress = "cloud:1"\n')))}
    assert found["cloud"].level == "error"
    assert {"wg", "ip", "wireguard", "privilege", "disk", "address", "cloud"} <= set(found)
    assert "gateway" not in found
    lacking = f'[gateway]\nlisten = "127.0.0.1:0"\ncert_file = "{tmp_path}/no.pem"\nkey_file = "{tmp_path}/no.pem"\n'
    found = {one.check: one for one in examine(load(written(tmp_path, GOOD + lacking)))}
    assert found["gateway"].level == "error"
    assert "No such file" in found["gateway"].message
    status = tmp_path / "status"
    status.write_text("Name:\tx\nCapEff:\t0000000000001000\n")
    assert may_change_network(str(status))
    status.write_text("CapEff:\t00000000a80425fb\n")
    assert not may_change_network(str(status))


def test_metrics_are_counts_and_gauges_without_labels():
    text = metrics_text(
        {"events": 3, "edge_connected": True, "certificate_left": 0.25, "short_code": "123 456", "clips": None}
    )
    assert "guardian_relay_events 3\n" in text
    assert "guardian_relay_certificate_left 0.25" in text
    assert "{" not in text
    assert "123" not in text


def test_every_setting_and_command_is_documented():
    page = (Path(__file__).parents[2] / "docs/reference/relay.md").read_text(encoding="utf-8")
    waiting = [("", RelaySettings)]
    while waiting:
        prefix, model = waiting.pop()
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                waiting.append((f"{prefix}{name}.", field.annotation))
            else:
                assert f"| `{prefix}{name}` |" in page
                assert field.description in page
    for command in cli.commands:
        assert command in page.splitlines()[-1]


def test_the_settings_that_are_shipped_for_docker_are_settings():
    shipped = load(Path(__file__).parents[2] / "packaging" / "docker" / "relay" / "relay.toml")
    assert shipped.gateway.listen == "0.0.0.0:443"
