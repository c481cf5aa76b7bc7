"""`guardian index`, `token` and `config` as a person or a program calls them."""

import asyncio
import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from guardian.cli._main import cli
from guardian.index.engine import open_index
from guardian.model.errors import WrongPassphrase
from guardian.model.segment import SegmentRecord
from guardian.model.views import Session
from guardian.services.accounts import AccountService
from tests.support.plain_sealer import scan
from tests.support.recorded import MINUTE, T0, OwnClock, whole


def guardian(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def answer(result: Result) -> dict[str, Any]:
    value = json.loads(result.stdout.splitlines()[-1])
    assert isinstance(value, dict)
    return value


@pytest.fixture(autouse=True)
def _plain_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: Path, relative: str) -> SegmentRecord:
        return scan(path).record(relative)

    monkeypatch.setattr(importlib.import_module("guardian.cli.index"), "_read", read)
    monkeypatch.setattr("sys.argv", ["guardian", "--json"])


def test_index_is_rebuilt_then_whole_then_checked(tmp_path: Path) -> None:
    records = [whole(tmp_path, T0 + n * MINUTE) for n in range(3)]
    for one in records:
        os.utime(tmp_path / "segments" / one.path, (1, 1))
    before = guardian("index", "check", "--data", str(tmp_path), "--json")
    assert (before.exit_code, [item["kind"] for item in answer(before)["items"]]) == (1, ["not_indexed"] * 3)
    rebuilt = guardian("index", "rebuild", "--data", str(tmp_path), "--json")
    assert (rebuilt.exit_code, answer(rebuilt)["indexed"]) == (0, 3)
    after = guardian("index", "check", "--data", str(tmp_path), "--json")
    assert (after.exit_code, answer(after)["ok"], answer(after)["segments"]) == (0, True, 3)
    (tmp_path / "segments" / records[1].path).unlink()
    faulty = guardian("index", "check", "--data", str(tmp_path))
    assert faulty.exit_code == 1
    (line,) = faulty.stdout.splitlines()
    assert records[1].path in line


def test_a_damaged_index_is_put_aside_and_made_anew(tmp_path: Path) -> None:
    whole(tmp_path, T0)
    (tmp_path / "index.db").write_bytes(b"broken" * 1000)
    assert guardian("index", "check", "--data", str(tmp_path), "--json").exit_code == 1
    rebuilt = guardian("index", "rebuild", "--data", str(tmp_path), "--json")
    assert (rebuilt.exit_code, answer(rebuilt)["indexed"]) == (0, 1)
    assert (tmp_path / "index.db.damaged-1").read_bytes().startswith(b"broken")


def test_a_folder_without_anything_is_not_made(tmp_path: Path) -> None:
    for command in ("check", "rebuild"):
        assert guardian("index", command, "--data", str(tmp_path / "none"), "--json").exit_code == 2
    assert not (tmp_path / "none").exists()


def test_tokens_are_made_offline_listed_and_revoked(tmp_path: Path) -> None:
    made = answer(guardian("token", "create", "phone", "--data", str(tmp_path), "--json"))

    async def who() -> Session | None:
        index = await open_index(tmp_path / "index.db")
        try:
            return await AccountService(index, OwnClock()).token(made["token"])
        finally:
            await index.close()

    session = asyncio.run(who())
    assert session is not None
    assert (session.user, session.kind) == ("owner", "token")
    listed = answer(guardian("token", "list", "--data", str(tmp_path), "--json"))
    assert [(item["id"], item["name"]) for item in listed["items"]] == [(made["id"], "phone")]
    assert made["token"] not in json.dumps(listed)
    assert guardian("token", "revoke", made["id"], "--data", str(tmp_path), "--json").exit_code == 0
    assert asyncio.run(who()) is None
    again = guardian("token", "revoke", made["id"], "--data", str(tmp_path), "--json")
    assert (again.exit_code, answer(again)["error"]["code"]) == (2, "not_found")


def test_a_token_is_the_only_line_on_stdout(tmp_path: Path) -> None:
    result = guardian("token", "create", "phone", "--data", str(tmp_path))
    assert result.stdout.startswith("pag_")
    assert len(result.stdout.splitlines()) == 1
    assert "phone" in guardian("token", "list", "--data", str(tmp_path)).stdout


def test_the_list_of_tokens_has_whole_ids_in_a_narrow_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = answer(guardian("token", "create", "phone", "--data", str(tmp_path), "--json"))
    monkeypatch.setenv("COLUMNS", "80")
    assert made["id"] in guardian("token", "list", "--data", str(tmp_path)).stdout


def test_a_token_for_nobody_is_refused(tmp_path: Path) -> None:
    result = guardian("token", "create", "phone", "--user", "mallory", "--data", str(tmp_path), "--json")
    assert (result.exit_code, answer(result)["error"]["field"]) == (2, "user")


def test_config_check_says_where_and_what(tmp_path: Path) -> None:
    fine = guardian("config", "check", "--data", str(tmp_path), "--json")
    assert (fine.exit_code, answer(fine)["ok"], answer(fine)["exists"]) == (0, True, False)
    (tmp_path / "config.toml").write_text("[web]\nprot = 1")
    bad = guardian("config", "check", "--data", str(tmp_path), "--json")
    assert bad.exit_code == 2
    assert answer(bad)["items"] == [
        {"field": "web.prot", "message": "there is no such setting", "cure": "Did you mean web.port?"}
    ]
    words = guardian("config", "check", "--data", str(tmp_path)).stderr
    assert "config.toml: web.prot" in words
    assert "Did you mean" in words


def test_config_explain_shows_settings(tmp_path: Path) -> None:
    items = answer(guardian("config", "explain", "--json"))["items"]
    assert {"path", "type", "default", "description"} == set(items[0])
    assert "web.port" in guardian("config", "explain", "web").stdout
    assert guardian("config", "explain", "nothing").exit_code == 2


def test_users_are_made_listed_and_get_new_passwords(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path), "--json")
    password = tmp_path / "password"
    password.write_text("a long enough one\n")
    assert answer(guardian("user", "create", "anna", "--password-file", str(password), *data)) == {
        "name": "anna",
        "made": True,
    }
    assert answer(guardian("user", "list", *data))["items"] == [{"name": "anna"}]

    async def log_in(secret: str) -> str:
        index = await open_index(tmp_path / "index.db")
        try:
            return await AccountService(index, OwnClock(T0)).login("anna", secret, "here")
        finally:
            await index.close()

    assert asyncio.run(log_in("a long enough one"))
    password.write_text("quite another one")
    assert answer(guardian("user", "password", "anna", "--password-file", str(password), *data))["changed"] is True
    assert asyncio.run(log_in("quite another one"))
    with pytest.raises(WrongPassphrase):
        asyncio.run(log_in("a long enough one"))


@pytest.mark.parametrize(
    ("arguments", "password", "field"),
    [
        (("create", "anna"), b"short", "password"),
        (("create", "an na"), b"a long enough one", "user"),
        (("password", "nobody"), b"a long enough one", "user"),
        (("create", "anna"), b"\xff\xfe is no text", "--password-file"),
    ],
)
def test_a_bad_user_or_password_is_refused_and_named(
    tmp_path: Path, arguments: tuple[str, ...], password: bytes, field: str
) -> None:
    (tmp_path / "password").write_bytes(password)
    given = ("--password-file", str(tmp_path / "password"), "--data", str(tmp_path), "--json")
    refused = guardian("user", *arguments, *given)
    assert refused.exit_code != 0
    assert answer(refused)["error"]["field"] == field
    assert guardian("user", "list", "--data", str(tmp_path)).stdout.startswith("There is no user yet")
