"""`guardian vault change-passphrase|rotate|recovery-code|recover|verify` where no Guardian runs; with one, in tests/e2e."""

import os
import stat
from html.parser import HTMLParser
from pathlib import Path

import pytest

from guardian.platform.lock import exclusive
from guardian.vault.keyring import Keyring
from tests.guardian.cli.test_vault import PASSPHRASE, Answering, Vault, held, made, running, vault  # noqa: F401 - fixtures

OTHER = "another passphrase"


@pytest.fixture
def new(tmp_path: Path) -> str:
    (tmp_path / "new").write_text(OTHER + "\n")
    return str(tmp_path / "new")


@pytest.fixture
def code(made: Vault, tmp_path: Path) -> str:  # noqa: F811
    code = made.json("recovery-code", "--passphrase-file", str(made.file))["recovery_code"]
    (tmp_path / "code").write_text(code.lower() + "\n")
    return str(code)


def test_init_shows_a_recovery_code_once(vault):  # noqa: F811
    result = vault("init", "--passphrase-file", str(vault.file))
    assert result.exit_code == 0, result.output
    (code,) = [line for line in result.output.splitlines() if line.count("-") == 7]
    assert code not in vault("status").output
    ring = Keyring.load(vault.data / "vault")
    ring.unlock_with_code(code)
    assert ring.recovery_created_us == ring.created_us
    assert vault.json("status")["recovery_created"].endswith("Z")


def test_a_new_passphrase(made, new, code):  # noqa: F811
    said = made.json("change-passphrase", "--passphrase-file", str(made.file), "--new-passphrase-file", new)
    assert said == {"running": False, "changed": True}
    made.opens_with(OTHER)
    assert made.json("unlock", "--passphrase-file", str(made.file), code=2)["error"]["code"] == "wrong_passphrase"
    Keyring.load(made.data / "vault").unlock_with_code(code)


def test_a_new_passphrase_that_is_typed(made):  # noqa: F811
    result = made("change-passphrase", typed=f"{PASSPHRASE}\n{OTHER}\n{OTHER}\n")
    assert result.exit_code == 0, result.output
    made.opens_with(OTHER)
    assert OTHER not in result.output


OTHER_CODE = "YQ6C4-BPXKE-GGS0V-0NQ14-AMJ0E-XTJWA-8Q1G5-8WB2Z"  # a good one, of another vault


@pytest.mark.parametrize(
    ("words", "typed", "field"),
    [
        (("change-passphrase", "--passphrase-file", "-", "--new-passphrase-file", "-"), "a\nb\n", "--new-passphrase-file"),
        (("change-passphrase", "--passphrase-file", "{new}", "--new-passphrase-file", "{new}"), "", "passphrase"),
        (("change-passphrase", "--passphrase-file", "{old}", "--new-passphrase-file", "-"), "short\n", "passphrase"),
        (("rotate", "--passphrase-file", "-"), "not this one\n", "passphrase"),
        (("recovery-code", "--passphrase-file", "-"), "not this one\n", "passphrase"),
        (("recover", "--code-file", "-", "--new-passphrase-file", "{new}"), "7K3QX\n", "code"),
        (("recover", "--code-file", "-", "--new-passphrase-file", "{new}"), OTHER_CODE + "\n", "code"),
        (("verify", "--passphrase-file", "-"), "not this one\n", "passphrase"),
        (("verify", "--passphrase-file", "{old}", "--code-file", "{code}"), "", "--code-file"),
    ],
)
def test_what_changes_nothing_is_said(made, new, code, tmp_path, words, typed, field):  # noqa: F811
    places = {"old": made.file, "new": new, "code": tmp_path / "code"}
    before = (made.data / "vault" / "vault.json").read_bytes()
    error = made.json(*(word.format(**places) for word in words), typed=typed, code=2)["error"]
    assert (error["field"], bool(error["cure"])) == (field, True)
    assert (made.data / "vault" / "vault.json").read_bytes() == before


def test_a_new_key(made):  # noqa: F811
    assert made.json("rotate", "--passphrase-file", str(made.file)) == {"running": False, "epoch": 2}
    assert "key 3" in made("rotate", typed=f"{PASSPHRASE}\n").output
    assert made.json("status")["epoch"] == 3


def test_a_lost_passphrase_is_replaced(made, new, code, tmp_path):  # noqa: F811
    said = made.json("recover", "--code-file", str(tmp_path / "code"), "--new-passphrase-file", new)
    assert said == {"running": False, "recovered": True}
    made.opens_with(OTHER)
    result = made("recover", typed=f"{code}\n{PASSPHRASE}\n{PASSPHRASE}\n")
    assert result.exit_code == 0, result.output
    assert code not in result.output
    made.opens_with(PASSPHRASE)


def test_a_new_code_ends_the_old_one(made, code, tmp_path, new):  # noqa: F811
    result = made("recovery-code", typed=f"{PASSPHRASE}\n")
    assert result.exit_code == 0, result.output
    error = made.json("recover", "--code-file", str(tmp_path / "code"), "--new-passphrase-file", new, code=2)["error"]
    assert error["code"] == "wrong_recovery_code"


def test_verifying(made, code, tmp_path):  # noqa: F811
    for words in (("--passphrase-file", str(made.file)), ("--code-file", str(tmp_path / "code"))):
        said = made.json("verify", *words)
        assert said["whole"] is True
        assert [(one["epoch"], one["files_opened"], one["faults"]) for one in said["epochs"]] == [(1, 0, [])]
    broken = made.data / "segments" / "front" / "01979c5e-0000-7000-8000-000000000001.pgs"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no footage")
    said = made.json("verify", "--passphrase-file", str(made.file), code=1)
    assert said["whole"] is False
    assert said["epochs"][0]["faults"][0].startswith("segments/front/")
    assert made("verify", "--passphrase-file", str(made.file)).exit_code == 1


def test_nothing_is_changed_while_another_has_the_folder(made, new, monkeypatch):  # noqa: F811
    monkeypatch.setattr("guardian.cli._client.running_url", lambda _: None)
    with exclusive(made.data):
        for command in ("change-passphrase", "rotate"):
            words = ("--new-passphrase-file", new) if command == "change-passphrase" else ()
            error = made.json(command, "--passphrase-file", str(made.file), *words, code=2)["error"]
            assert error["code"] == "conflict"
    made.opens_with(PASSPHRASE)


# the page


class Page(HTMLParser):
    """What a page loads, runs and says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_holds_the_code_and_needs_nothing_else(made, tmp_path):  # noqa: F811
    path = tmp_path / "page.html"
    said = made.json("recovery-code", "--passphrase-file", str(made.file), "--page", str(path))
    assert said["page"] == str(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    page = Page(path.read_text())
    assert all(group in page.words for group in said["recovery_code"].split("-"))
    assert "This page is a key" in page.words
    assert "svg" in page.tags
    assert "script" not in page.tags
    assert page.addresses == []
    error = made.json("recovery-code", "--passphrase-file", str(made.file), "--page", str(path), code=2)["error"]
    assert error["field"] == "--page"
    Keyring.load(made.data / "vault").unlock_with_code(said["recovery_code"])


def test_a_place_that_the_page_cannot_have_is_said_before_the_old_code_is_ended(made, code, tmp_path):  # noqa: F811
    for place in (made.data / "page.html", tmp_path / "no" / "page.html"):
        error = made.json("recovery-code", "--passphrase-file", str(made.file), "--page", str(place), code=2)["error"]
        assert error["field"] == "--page"
    Keyring.load(made.data / "vault").unlock_with_code(code)
    assert made.json("init", "--no-recovery", "--page", "x", "--data", str(tmp_path / "b"), code=2)["error"]["field"]


# with a Guardian that runs


@pytest.mark.parametrize(
    ("words", "answer", "path", "body"),
    [
        (
            ("change-passphrase", "--new-passphrase-file", "{new}"),
            {},
            "change-passphrase",
            {"passphrase": PASSPHRASE, "new_passphrase": OTHER},
        ),
        (("rotate",), {"epoch": 2}, "rotate", {"passphrase": PASSPHRASE}),
        (("recovery-code",), {"recovery_code": "A-B"}, "recovery-code", {"passphrase": PASSPHRASE}),
        (("verify",), {"whole": True, "epochs": []}, "verify", {"passphrase": PASSPHRASE}),
    ],
)
def test_the_running_program_does_it_itself(held: Vault, running: Answering, new, words, answer, path, body):  # noqa: F811
    import json

    before = (held.data / "vault" / "vault.json").read_bytes()
    running.answer = (200, answer)
    said = held.json(*(word.format(new=new) for word in words), "--passphrase-file", str(held.file))
    assert said["running"] is True
    (asked,) = running.asked
    assert (asked[1], json.loads(asked[2])) == (f"/api/v1/vault/{path}", body)
    assert running.token_is_gone()
    assert (held.data / "vault" / "vault.json").read_bytes() == before
    assert os.environ.get("GUARDIAN_DATA") is None
