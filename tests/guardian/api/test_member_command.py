"""A person is taken out by one command, whatever of theirs the home has let in: the command against the real API."""

import asyncio
import json

import pytest
from click.testing import CliRunner

from guardian.cli import member as command
from guardian.model.command import Signer
from guardian.model.relay import MemberDevice
from tests.guardian.api.fakes import T0


@pytest.fixture
def run(client, fakes, monkeypatch):
    loop = asyncio.get_event_loop()

    def ask(data, method, path):
        async def go():
            answer = await client.request(method, f"/api/v1{path}")
            said = await answer.json()
            assert answer.status < 300, said
            return said

        return asyncio.run_coroutine_threadsafe(go(), loop).result(10)

    monkeypatch.setattr(command, "ask", ask)

    async def run(*words):
        return await asyncio.to_thread(CliRunner().invoke, command.member, [*words])

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
