"""`guardian vault` as its owner calls it; with a Guardian that runs, in tests/e2e."""

import asyncio
import json
import os
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from guardian.cli import _client
from guardian.cli._main import cli
from guardian.cli.token import accounts_of
from guardian.model.errors import ServiceUnavailable
from guardian.platform.lock import exclusive
from guardian.vault.keyring import Keyring

PASSPHRASE = "correct horse battery staple"


class Vault:
    """The command on a data folder."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.data, self._monkeypatch = folder / "data", monkeypatch
        self.file = folder / "passphrase"
        self.file.write_text(PASSPHRASE + "\n")

    def __call__(self, *words: str, typed: str | bytes = "") -> Result:
        arguments = ["vault", *words, "--data", str(self.data)]
        self._monkeypatch.setattr("sys.argv", ["guardian", *arguments])
        return CliRunner().invoke(cli, arguments, input=typed)

    def json(self, *words: str, typed: str | bytes = "", code: int = 0) -> dict[str, Any]:
        result = self(*words, "--json", typed=typed)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout.splitlines()[-1])

    def opens_with(self, passphrase: str) -> None:
        Keyring.load(self.data / "vault").unlock(passphrase)


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    return Vault(tmp_path, monkeypatch)


@pytest.fixture
def made(vault: Vault) -> Vault:
    assert vault("init", "--no-recovery", "--passphrase-file", str(vault.file)).exit_code == 0
    return vault


def test_it_is_made_with_a_passphrase_that_is_typed_twice(vault):
    result = vault("init", typed=f"{PASSPHRASE}\n{PASSPHRASE}\n")
    assert result.exit_code == 0, result.output
    vault.opens_with(PASSPHRASE)
    assert PASSPHRASE not in result.output
    assert "the footage is lost" in result.output
    assert stat.S_IMODE(vault.data.stat().st_mode) == 0o700


def test_two_that_differ_make_none(vault):
    result = vault("init", typed=f"{PASSPHRASE}\nsomething else\n")
    assert result.exit_code != 0
    assert not Keyring.exists(vault.data / "vault")


def test_one_from_standard_input_or_a_file_loses_its_line_end_only(vault):
    said = vault.json("init", "--no-recovery", "--passphrase-file", "-", typed=f" {PASSPHRASE} \r\n")
    assert said == {"data": str(vault.data), "epoch": 1}
    vault.opens_with(f" {PASSPHRASE} ")


def test_a_generated_one_is_shown_once(vault):
    said = vault.json("init", "--generate")
    vault.opens_with(said["passphrase"])
    assert said["passphrase"] not in (vault.data / "vault" / "vault.json").read_text()
    assert said["passphrase"] not in vault("status").output


@pytest.mark.parametrize(
    ("words", "typed", "field"),
    [
        (("--passphrase-file", "-"), "short\n", "passphrase"),
        (("--passphrase-file", "-"), "\n", "passphrase"),
        (("--passphrase-file", "-"), b"\xff\xfe no text at all\n", "--passphrase-file"),
        (("--passphrase-file", "-", "--generate"), PASSPHRASE, "--generate"),
    ],
)
def test_what_makes_no_vault_is_said(vault, words, typed, field):
    error = vault.json("init", *words, typed=typed, code=2)["error"]
    assert error["field"] == field
    assert error["cure"]
    assert not Keyring.exists(vault.data / "vault")


def test_a_second_one_is_refused_before_anything_is_asked(made):
    result = made("init")
    assert result.exit_code == 2
    assert "already" in result.output
    assert "Passphrase" not in result.output
    made.opens_with(PASSPHRASE)


def test_a_folder_that_cannot_be_written_is_said(vault):
    vault.data.mkdir()
    (vault.data / "vault").write_text("")
    error = vault.json("init", "--passphrase-file", str(vault.file), code=2)["error"]
    assert (error["field"], bool(error["cure"])) == ("--data", True)


def test_two_are_not_made_at_once(vault):
    vault.data.mkdir()
    with exclusive(vault.data):
        assert vault.json("init", "--passphrase-file", str(vault.file), code=2)["error"]["code"] == "conflict"
    assert not Keyring.exists(vault.data / "vault")


@pytest.mark.parametrize("command", ["status", "unlock", "lock"])
def test_a_damaged_vault_is_said(made, command):
    (made.data / "vault" / "vault.json").write_text("[" * 100_000)
    error = (
        made.json(command, "--passphrase-file", str(made.file), code=1)
        if command == "unlock"
        else made.json(command, code=1)
    )
    assert error["error"]["code"] == "damaged"


def test_the_status_without_a_vault_and_without_a_program(vault):
    assert vault.json("status") == {"exists": False, "running": False, "unlocked": False}
    assert "guardian vault init" in vault("status").output
    for command in ("unlock", "lock"):
        error = vault.json(command, typed=f"{PASSPHRASE}\n", code=2)["error"]
        assert "guardian vault init" in error["cure"]


def test_the_status_of_one_that_nobody_has_open(made):
    said = made.json("status")
    assert said.pop("created").endswith("Z")
    assert said == {
        "exists": True,
        "running": False,
        "unlocked": False,
        "epoch": 1,
        "kem": "MLKEM768-X25519",
        "recovery_created": None,
        "evidence_key": "",
    }
    assert "locked" in made("status").output


def test_the_passphrase_is_checked_where_no_program_runs(made):
    assert made.json("unlock", "--passphrase-file", str(made.file)) == {
        "running": False,
        "unlocked": False,
        "passphrase_right": True,
    }
    assert made.json("unlock", typed="not this one\n", code=2)["error"]["code"] == "wrong_passphrase"
    assert made.json("lock") == {"running": False, "unlocked": False}


# whom a secret is told


@pytest.fixture
def held(made: Vault) -> Iterator[Vault]:
    with exclusive(made.data):
        yield made


def test_what_a_killed_program_left_behind_is_not_believed(made):
    (made.data / "guardian.lock").touch()
    (made.data / "run.json").write_text(json.dumps({"url": "http://127.0.0.1:9", "pid": os.getpid()}))
    assert _client.running_url(made.data) is None
    assert made.json("status")["running"] is False


def test_a_program_that_is_still_starting_is_said(held):
    with pytest.raises(ServiceUnavailable, match="starting"):
        _client.running_url(held.data)
    (held.data / "run.json").write_text("{")
    assert held.json("unlock", typed=f"{PASSPHRASE}\n", code=1)["error"]["cure"]


def test_a_program_that_does_not_answer_is_said_and_leaves_no_token(held):
    (held.data / "run.json").write_text(json.dumps({"url": "http://127.0.0.1:9", "pid": os.getpid()}))
    assert _client.running_url(held.data) == "http://127.0.0.1:9"
    error = held.json("unlock", typed=f"{PASSPHRASE}\n", code=1)["error"]
    assert "does not answer" in error["message"]
    tokens = CliRunner().invoke(cli, ["token", "list", "--json", "--data", str(held.data)])
    assert json.loads(tokens.stdout.splitlines()[-1])["items"] == []


# with an API that answers


class Answering:
    """Stands for the Guardian that runs: keeps what it was asked, and whether the token was good at that moment."""

    def __init__(self, data: Path) -> None:
        self.data, self.asked, self.answer = data, [], (200, {"exists": True, "unlocked": True, "epoch": 1})
        asked, outer = self.asked, self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                secret = self.headers["Authorization"].removeprefix("Bearer ")
                asked.append((self.command, self.path, body.decode(), asyncio.run(outer.known(secret))))
                outer.secrets.add(secret)
                status, value = outer.answer
                self.send_response(status)
                if outer.location:
                    self.send_header("Location", outer.location)
                self.end_headers()
                self.wfile.write(value if isinstance(value, bytes) else json.dumps(value).encode())

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                pass

        self.secrets: set[str] = set()
        self.location = ""
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    async def known(self, secret: str) -> bool:
        async with accounts_of(self.data) as accounts:
            return await accounts.token(secret) is not None

    def token_is_gone(self) -> bool:
        return len(self.secrets) > 0 and not any(asyncio.run(self.known(secret)) for secret in self.secrets)


@pytest.fixture
def running(held: Vault) -> Iterator[Answering]:
    running = Answering(held.data)
    (held.data / "run.json").write_text(json.dumps({"url": running.url, "pid": os.getpid()}))
    thread = threading.Thread(target=running.server.serve_forever, args=(0.05,))
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def test_the_running_program_is_told_the_passphrase_in_the_body_alone(held, running):
    assert held.json("unlock", "--passphrase-file", str(held.file)) == {"running": True, "unlocked": True}
    assert running.asked == [("POST", "/api/v1/vault/unlock", json.dumps({"passphrase": PASSPHRASE}), True)]
    assert running.token_is_gone()


def test_it_is_asked_how_it_stands_and_told_to_lock(held, running):
    assert held.json("status")["unlocked"] is True
    assert "unlocked" in held("status").output
    running.answer = (200, {"unlocked": False})
    assert held.json("lock") == {"running": True, "unlocked": False}
    assert [one[:2] for one in running.asked] == [("GET", "/api/v1/vault")] * 2 + [("POST", "/api/v1/vault/lock")]
    assert running.token_is_gone()


@pytest.mark.parametrize(
    ("status", "value", "code", "error"),
    [
        (
            403,
            {"detail": "the passphrase is wrong", "code": "wrong_passphrase", "cure": "Mind spaces."},
            2,
            "wrong_passphrase",
        ),
        (429, {"detail": "too many", "code": "too_many_requests"}, 2, "too_many_requests"),
        (500, b"<html>", 1, "error"),
        (502, b"[]", 1, "error"),
        (200, b"no JSON", 1, "unavailable"),
        (200, b"[]", 1, "unavailable"),
        (303, b"", 1, "unavailable"),
    ],
)
def test_what_it_refuses_is_said_as_it_says_it_and_no_token_stays(held, running, status, value, code, error):
    running.answer = (status, value)
    said = held.json("unlock", "--passphrase-file", str(held.file), code=code)["error"]
    assert said["code"] == error
    assert said["message"]
    assert running.token_is_gone()


def test_no_proxy_is_told_the_passphrase(held, running, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert held.json("unlock", "--passphrase-file", str(held.file))["unlocked"] is True


def test_another_place_that_it_points_to_is_told_nothing(held, running):
    other = Answering(held.data)
    thread = threading.Thread(target=other.server.serve_forever, args=(0.05,))
    thread.start()
    try:
        running.answer = (307, {})
        running.location = other.url
        held.json("status", code=1)
        assert other.asked == []
    finally:
        other.server.shutdown()
        thread.join()
        other.server.server_close()
