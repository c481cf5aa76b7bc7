"""/cloud: what was asked from afar, and commands that the home signs."""

import base64

import pytest

from guardian.model.command import Answer, CommandSeen, Wish
from tests.guardian.api.fakes import T0

CLOUD = "/api/v1/cloud"
SIGN = f"{CLOUD}/commands"


async def test_a_command_is_signed_and_nothing_changes(client, fakes):
    made = await (
        await client.post(SIGN, json={"setting": "enabled", "value": False, "camera": "front", "valid_s": 60})
    ).json()
    assert base64.b64decode(made["message"]) == b"signed"
    assert set(made) == {"command", "message", "expires"}
    await client.post(SIGN, json={"setting": "storage.days", "value": None})
    assert fakes.commands.signed == [(Wish("enabled", False, "front"), 60), (Wish("storage.days", None), 3600)]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"setting": "enabled"}, "value"),
        ({"setting": "enabled", "value": "off"}, "value"),
        ({"setting": "enabled", "value": [1]}, "value"),
        ({"setting": "", "value": 1}, "setting"),
        ({"setting": "enabled", "value": 1, "camera": "../x"}, "camera"),
        ({"setting": "enabled", "value": 1, "valid_s": 604_801}, "valid_s"),
        ({"setting": "enabled", "value": 1, "member": "me"}, "member"),
    ],
)
async def test_what_is_wrong_is_named(client, fakes, body, field):
    answer = await client.post(SIGN, json=body)
    assert answer.status == 400
    assert field in (await answer.json())["field"]
    assert fakes.commands.signed == []


async def test_a_locked_vault_signs_nothing(client, fakes):
    fakes.commands.locked = True
    assert (await client.post(SIGN, json={"setting": "enabled", "value": True, "camera": "front"})).status == 423


async def test_what_was_asked_is_told_with_what_became_of_it(client, fakes):
    wish = Wish("enabled", False, "front")
    fakes.commands.asked = (
        CommandSeen("a", T0, "set", True, Answer(True), wish, 2),
        CommandSeen("b", T0, "set", False, Answer(False, "not_signed", "must be signed")),
    )
    found = await (await client.get(CLOUD)).json()
    assert (found["relay"], found["sync"], found["home"]) == ("none", True, "68" * 32)
    done, refused = found["commands"]
    assert (done["setting"], done["value"], done["camera"], done["ok"], done["times"]) == (
        "enabled",
        False,
        "front",
        True,
        2,
    )
    assert (refused["setting"], refused["code"], refused["message"]) == (None, "not_signed", "must be signed")
    assert found["of_camera"] == {"enabled": "use it"}


async def test_a_signers_key_is_shown_when_it_is_made_and_never_again(client, fakes):
    made = await (await client.post(f"{CLOUD}/signers", json={"name": "laptop"})).json()
    assert (made["signing_key"], made["cameras"]) == ("01" * 32, {"front": "cd" * 16})
    text = await (await client.get(CLOUD)).text()
    assert "laptop" in text
    assert "01" * 32 not in text
    assert (await client.post(f"{CLOUD}/signers", json={"name": ""})).status == 400
    assert (await client.delete(f"{CLOUD}/signers/{'00' * 16}")).status == 404
    assert (await (await client.delete(f"{CLOUD}/signers/{'ab' * 16}")).json())["signers"] == []
    fakes.commands.locked = True
    assert (await client.post(f"{CLOUD}/signers", json={"name": "laptop"})).status == 423


async def test_nobody_signs_or_looks_without_a_login(stranger):
    assert (await stranger.get(CLOUD)).status == 401
    assert (await stranger.post(f"{CLOUD}/signers", json={"name": "me"})).status == 401
    assert (await stranger.delete(f"{CLOUD}/signers/{'ab' * 16}")).status == 401
    assert (await stranger.post(SIGN, json={"setting": "enabled", "value": True})).status == 401
