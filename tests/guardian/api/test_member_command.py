"""A person is taken out by one command, whatever of theirs the home has let in: the command against the real API."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from guardian.cli import member as command
from guardian.cli import viewing
from guardian.model.command import Signer
from guardian.model.errors import BadRequest, VaultLocked
from guardian.model.relay import MemberDevice
from guardian.model.views import ViewerStatus
from tests.guardian.api.fakes import T0


@pytest.fixture
def run(client, fakes, monkeypatch):
    loop = asyncio.get_event_loop()

    def ask(data, method, path, body=None):
        async def go():
            answer = await client.request(method, f"/api/v1{path}", json=body)
            said = await answer.json()
            if answer.status >= 300:
                raise BadRequest(said["detail"], cure=said.get("cure", ""))
            return said

        return asyncio.run_coroutine_threadsafe(go(), loop).result(10)

    monkeypatch.setattr(command, "ask", ask)
    monkeypatch.setattr(viewing, "ask", ask)

    async def run(*words, typed="", of=command.member):
        return await asyncio.to_thread(CliRunner().invoke, of, [*words], typed)

    return run


async def test_one_command_takes_a_person_out_with_all_that_is_theirs(run, fakes):
    fakes.relay.told = [MemberDevice("ab" * 16, "Olga", T0)]
    fakes.commands.made = [Signer("Olga", "cd" * 16, T0 + 1_000_000)]
    listed = json.loads((await run("list", "--json")).stdout)["members"]
    assert [(one["kind"], one["name"]) for one in listed] == [("device", "Olga"), ("signer", "Olga")]
    nobody = await run("remove", "Olg")
    assert "there is no 'Olg'" in nobody.exception.message
    done = await run("remove", "Olga")
    assert "abababab  Olga: is told nothing more." in done.output
    assert "cdcdcdcd  Olga: signs nothing more." in done.output
    assert "guardian viewing on" in done.output
    assert json.loads((await run("list", "--json")).stdout)["members"] == []


async def test_an_id_takes_that_one_alone(run, fakes):
    fakes.relay.told = [MemberDevice("ab" * 16, "Olga", T0)]
    fakes.commands.made = [Signer("Olga", "cd" * 16, T0)]
    assert json.loads((await run("remove", "abababab", "--json")).stdout)["removed"][0]["kind"] == "device"
    assert [one["kind"] for one in json.loads((await run("list", "--json")).stdout)["members"]] == ["signer"]


async def test_who_looked_is_taken_out_and_the_vault_gets_a_key_that_they_do_not_have(run, fakes):
    before = fakes.vault.epoch
    fakes.viewing.others = [ViewerStatus("ef" * 16, "Olga", T0)]
    fakes.relay.told = [MemberDevice("ab" * 16, "Olga", T0)]
    wrong = await run("remove", "Olga", typed="wrong\n")
    assert fakes.viewing.others == []
    assert "They are out, but hold keys" in wrong.exception.cure
    assert fakes.vault.epoch == before
    fakes.viewing.others, fakes.relay.told = [ViewerStatus("ef" * 16, "Olga", T0)], [MemberDevice("ab" * 16, "Olga", T0)]
    done = await run("remove", "Olga", typed="right\n")
    assert "efefefef  Olga: is answered no more." in done.output
    assert "abababab  Olga: is told nothing more." in done.output
    assert f"What comes is sealed to key {before + 1}" in done.output
    assert fakes.vault.epoch == before + 1
    fakes.viewing.others = [ViewerStatus("ef" * 16, "Olga", T0)]
    kept = await run("remove", "Olga", "--no-rotate")
    assert "`guardian vault rotate`" in kept.output
    fakes.viewing.others = [ViewerStatus("ef" * 16, "Olga", T0)]
    empty = await run("remove", "Olga", "--passphrase-file", "-", typed="")
    assert empty.exception.field == "--passphrase-file"
    assert fakes.viewing.others, "nothing is done before it is known that all can be"
    locked = await run("remove", "Olga", "--no-rotate", "--json")
    assert json.loads(locked.stdout)["epoch"] is None
    assert "hold keys" in locked.stderr
    assert fakes.vault.epoch == before + 1


async def test_what_is_refused_is_refused_before_who_looks_is_out(run, fakes, monkeypatch):
    fakes.viewing.others = [ViewerStatus("ef" * 16, "Olga", T0)]
    fakes.relay.told = [MemberDevice("ab" * 16, "Olga", T0)]

    async def locked(_):
        raise VaultLocked("the vault is locked")

    with monkeypatch.context() as patch:
        patch.setattr(fakes.relay, "remove_device", locked)
        refused = await run("remove", "Olga", typed="right\n")
    assert refused.exception.message == "the vault is locked"
    assert fakes.viewing.others
    again = await run("remove", "Olga", typed="right\n")
    assert "which they do not have" in again.output


async def test_who_is_let_in_gets_both_secrets_on_the_screen_and_no_passphrase_that_is_none(run, fakes):
    for typed in ("", "short"):
        refused = await run("let-in", "--name", "Olga", "--passphrase-file", "-", typed=typed, of=viewing.viewing)
        assert "at least 8" in refused.exception.message
        assert fakes.viewing.others == []
    done = await run("let-in", "--name", "Olga", "--no-qr", of=viewing.viewing)
    assert done.stdout == "Viewing key:  guardian-view:olga\nPassphrase:   made-words\n"
    own = await run(
        "let-in", "--name", "Paul", "--passphrase-file", "-", "--json", typed="his own words", of=viewing.viewing
    )
    assert json.loads(own.stdout)["passphrase"] == "his own words"
    status = await run("status", of=viewing.viewing)
    assert "efefefef        Olga, since " in status.output
