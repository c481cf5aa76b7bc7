"""What doctor finds, and that the command says it."""

import os
import subprocess
import sys

import pytest
from guardian_cloud.index.engine import open_store
from guardian_cloud.processes.doctor import BAD, GOOD, WARNING, examine
from guardian_cloud.settings.schema import Ephemeral, Identity, Mail, Push, Queue
from pydantic import SecretStr

from guardian.platform.clock import SystemClock
from tests.cloud.conftest import complete
from tests.support.postgres import free_port


def states(found):
    return {part: [one.state for one in found if one.part == part] for part in {one.part for one in found}}


async def test_a_cloud_that_is_as_it_must_be(settings, provider):
    whole = complete(settings, provider, push=Push(contact="mailto:a@example.org"))
    found = states(await examine(whole, SystemClock()))
    assert not any(BAD in one for one in found.values())
    assert found["store"] in ([GOOD], [GOOD, WARNING])
    assert WARNING in found["authority"]  # the root's key is still here
    (whole.authority_dir / "root.key").unlink()
    assert states(await examine(whole, SystemClock()))["authority"] == [GOOD]


async def test_what_is_away_is_named_each_with_a_cure(tmp_path, provider):
    from guardian_cloud.settings.schema import Settings

    port = free_port()
    broken = Settings(
        data_dir=tmp_path,
        ephemeral=Ephemeral(redis_url=SecretStr(f"redis://127.0.0.1:{port}/0")),
        queue=Queue(amqp_url=SecretStr(f"amqp://127.0.0.1:{port}/")),
        identity=Identity(issuer=f"http://127.0.0.1:{port}", client_id="x"),
        mail=Mail(host="127.0.0.1", port=port, security="none", sender="a@b.example"),
        push=Push(contact="me"),
    )
    found = await examine(broken, SystemClock())
    assert {one.part for one in found if one.state == BAD} == {
        "store", "authority", "identity", "ephemeral", "queue", "mail", "push",
    }  # fmt: skip
    assert all(one.cure for one in found if one.state != GOOD)


async def test_an_open_table_is_found(pg_settings, provider):
    whole = complete(pg_settings, provider)
    owner = open_store(pg_settings, owner=True)
    async with owner.engine.begin() as connection:
        await connection.exec_driver_sql("ALTER TABLE devices NO FORCE ROW LEVEL SECURITY")
    await owner.close()
    bad = [one for one in await examine(whole, SystemClock()) if one.state == BAD]
    assert [one.part for one in bad] == ["store"]
    assert "devices" in bad[0].message


@pytest.mark.parametrize("command", [["migrate"], ["tenant", "Home"], ["doctor"]])
def test_the_command_on_a_fresh_machine(tmp_path, command):
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "GUARDIAN_CLOUD_DATA_DIR": str(tmp_path / "data"),
    }
    program = [sys.executable, "-c", "from guardian_cloud.cli import main; main()"]

    def run(*words):
        return subprocess.run([*program, *words], env=environment, capture_output=True, text=True, check=False, timeout=60)

    if command == ["migrate"]:
        done = run("migrate")
        assert done.returncode == 0, done.stderr
        assert "revision 0002" in done.stdout
        assert "root.key" in done.stdout
    elif command == ["doctor"]:
        done = run("doctor")
        assert done.returncode == 1
        assert "guardian-cloud migrate" in done.stdout
    else:
        assert run("migrate").returncode == 0
        done = run("tenant", "Home")
        assert done.stdout.startswith("http://127.0.0.1:8480/join#gci_"), done.stderr
        environment["GUARDIAN_CLOUD_WEB__LISTEN"] = "nowhere"
        done = run("run")
        assert (done.returncode, "web.listen" in done.stderr) == (1, True)
        assert "Traceback" not in done.stderr
