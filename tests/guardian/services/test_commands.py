"""The cloud can ask, never order: what is done for the home's signature alone, once, in order, over kills; and what is refused, and why."""

import asyncio
import base64
import json
import os
import time
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from guardian.cli.cloud import signed_away
from guardian.model import command as codes
from guardian.model.command import Wish
from guardian.model.errors import BadRequest, BadSetting, Conflict, Damaged, NotAllowed, NotFound, ServiceUnavailable
from guardian.model.ids import uuid7
from guardian.protocol import commands as wire
from guardian.protocol import members
from guardian.protocol.trust import Statements
from guardian.protocol.v1 import trust_pb2 as trust
from guardian.protocol.v1.events_pb2 import Command, CommandDone
from guardian.services.afar_settings import AfarSettings
from guardian.services.commands import FILE, LONGEST_S, CommandService
from guardian.services.rules import RuleService
from guardian.services.signers import SignerService
from guardian.settings.load import load
from guardian.vault.home import COMMAND_CONTEXT, STATEMENT_CONTEXT
from tests.support.relay import OwnClock

CONFIG = """# the owner's own words
[cameras.front]
kind = "testpattern"
[cameras.front.detect]
min_score = 0.4  # at night
[cameras.yard]
kind = "testpattern"
[cameras.yard.retention]
max_gb = 7
"""


class HomeKey:
    """As the vault's, without a vault."""

    def __init__(self):
        self.key = Ed25519PrivateKey.generate()
        self.public_key = self.key.public_key().public_bytes_raw()

    def sign_command(self, signed):
        return self.key.sign(COMMAND_CONTEXT + signed)

    def sign_statement(self, body):
        return self.key.sign(STATEMENT_CONTEXT + body)


class Home:
    """A home that can be killed: what is on the disk stays."""

    def __init__(self, folder):
        self.folder, self.clock, self.key = folder, OwnClock(), HomeKey()
        (folder / "config.toml").write_text(CONFIG)
        self.begin()

    def begin(self):
        self.settings, self.restarted, self.told = load(self.folder), [], []

        def use(settings):
            self.settings = settings

        async def restart(camera):
            self.restarted.append(camera)

        rules = RuleService(self.folder, lambda: self.settings, use, lambda camera, rules: self.told.append(camera) is None)
        self.afar = AfarSettings(self.folder, lambda: self.settings, use, rules, restart)
        self.service = CommandService(
            self.folder, self.key, lambda: wire, self.afar, lambda: list(self.settings.cameras), self.opaque, self.clock,
            self.signers(),
        )  # fmt: skip

    def signers(self):
        ids = lambda: {one: self.opaque(one).hex() for one in self.settings.cameras}  # noqa: E731
        return SignerService(self.folder, self.key, lambda: members, self.clock, ids)

    @staticmethod
    def opaque(camera):
        return camera.encode().ljust(16, b".")

    def sign(self, setting="detect.min_score", value=0.6, camera="front", valid_s=600.0):
        return self.service.sign(Wish(setting, value, camera), valid_s).message

    async def ask(self, raw):
        done = CommandDone.FromString(await self.service.ask(raw))
        return done.ok, done.code


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def changed(raw, **fields):
    command = Command.FromString(raw)
    for name, value in fields.items():
        setattr(command, name, value)
    return command.SerializeToString()


def fresh_id(ms):
    return uuid.UUID(uuid7(ms, os.urandom(10))).bytes


async def test_a_signed_one_is_done_and_written_down(home):
    assert await home.ask(home.sign()) == (True, "")
    assert home.settings.cameras["front"].detect.min_score == 0.6
    assert home.told == ["front"]
    text = (home.folder / "config.toml").read_text()
    assert "min_score = 0.6" in text
    assert "# the owner's own words" in text
    (seen,) = home.service.seen()
    assert (seen.verb, seen.signed, seen.answer.ok, seen.wish) == ("set", True, True, Wish("detect.min_score", 0.6, "front"))


async def test_what_those_in_between_could_do_to_it_is_refused_and_changes_nothing(home):
    raw, stranger, now_ms = home.sign(), HomeKey(), home.clock.ms
    body = Command.FromString(raw).body
    foreign = wire.make_command(
        fresh_id(now_ms), "set", home.key.public_key, now_ms, now_ms + 1000, body, stranger.sign_command
    )
    cases = {
        codes.NOT_SIGNED: changed(raw, signature=b""),
        codes.BAD_SIGNATURE: changed(raw, body=body.replace(b"0.6", b"0.9")),
        codes.ANOTHER_HOME: changed(raw, home=stranger.public_key),
        codes.EXPIRED: changed(raw, expires_ms=now_ms),
        codes.NOT_YET: changed(raw, issued_ms=now_ms + 600_000, expires_ms=now_ms + 700_000),
        codes.NOT_TRUSTED: changed(raw, member=b"m" * 16),
        codes.UNKNOWN_VERB: changed(raw, verb="reboot"),
        codes.BAD_REQUEST: changed(raw, id=b"short"),
    }
    before = (home.folder / "config.toml").read_text()
    for code, one in cases.items():
        assert await home.ask(one) == (False, code)
        assert codes.REASONS[code]
    for one in (
        foreign,
        changed(raw, id=fresh_id(now_ms)),
        changed(raw, signature=os.urandom(64)),
        changed(raw, expires_ms=now_ms + 10**9),
    ):
        assert await home.ask(one) == (False, codes.BAD_SIGNATURE)
    assert (home.folder / "config.toml").read_text() == before
    assert not (home.folder / FILE).exists(), "a stranger fills no disk"
    seen = home.service.seen()
    assert {one.answer.code for one in seen} == set(cases)
    assert (seen[0].answer.code, seen[0].times) == (codes.BAD_SIGNATURE, 4), "the like of it takes one line"
    assert await home.ask(raw) == (True, ""), "and the real one was not used up"


async def test_it_is_done_once_however_often_it_comes_and_whoever_was_killed(home):
    raw = home.sign("enabled", False)
    assert await home.ask(raw) == (True, "")
    home.settings.cameras["front"]  # off by now; the owner turns it on again at home
    await home.afar.set(Wish("enabled", True, "front"))
    for _ in range(2):
        assert await home.ask(raw) == (True, ""), "answered as before: the answer may have been lost"
        assert home.settings.cameras["front"].enabled, "and not done again"
        home.begin()  # the program is killed; the journal is on the disk
    assert home.restarted == []


async def test_one_that_was_begun_when_the_power_went_is_done(home):
    raw = home.sign()
    asked = wire.read_command(raw)
    answered = asyncio.Event()

    async def never(wish):
        answered.set()
        await asyncio.Event().wait()

    home.afar.set = never
    task = asyncio.ensure_future(home.service.ask(raw))
    await answered.wait()
    task.cancel()
    assert json.loads((home.folder / FILE).read_text())["newest_ms"] == asked.issued_ms
    home.begin()
    assert await home.ask(raw) == (True, "")
    assert home.settings.cameras["front"].detect.min_score == 0.6


async def test_an_older_one_cannot_undo_a_newer_one(home):
    older, newer = home.sign(value=0.1), home.sign(value=0.6)
    assert await home.ask(newer) == (True, "")
    assert await home.ask(older) == (False, codes.OUT_OF_ORDER)
    home.begin()
    assert await home.ask(older) == (False, codes.OUT_OF_ORDER)
    assert load(home.folder).cameras["front"].detect.min_score == 0.6
    home.clock.ms -= 60_000  # a clock that was set back a little: what is signed now is still newer
    assert await home.ask(home.sign(value=0.7)) == (True, "")
    home.clock.ms -= 3_600_000
    with pytest.raises(Conflict, match="clock"):
        home.sign(value=0.8)


async def test_what_was_forgotten_is_not_done_twice(home, monkeypatch):
    monkeypatch.setattr("guardian.services.commands.REMEMBERED", 3)
    first = home.sign()
    await home.ask(first)
    for number in range(4):
        await home.ask(home.sign(value=number / 1000))
    assert await home.ask(first) == (False, codes.OUT_OF_ORDER)


async def test_a_journal_that_cannot_be_read_lets_nothing_old_in(home):
    raw = home.sign()
    (home.folder / FILE).write_text("{")
    home.begin()  # the file is younger than the command
    assert await home.ask(raw) == (False, codes.OUT_OF_ORDER)


async def test_without_a_journal_nothing_is_done(home, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("guardian.services.commands.replace_file", full)
    assert await home.ask(home.sign()) == (False, codes.BUSY)
    assert home.settings.cameras["front"].detect.min_score == 0.4


async def test_what_changes_nothing_needs_no_signature_and_is_done_once_a_second(home):
    def ping(verb="ping"):
        return wire.make_command(fresh_id(home.clock.ms), verb, home.key.public_key, home.clock.ms, home.clock.ms + 1000)

    assert await home.ask(ping()) == (True, "")
    assert await home.ask(ping()) == (False, codes.BUSY)
    assert await home.ask(ping("report")) == (True, "")
    home.clock.ms += 1000
    assert await home.ask(ping()) == (True, "")
    assert not (home.folder / FILE).exists()


async def test_a_signature_does_not_set_what_is_not_on_the_list(home):
    now_ms = home.clock.ms

    def raw(**wish):
        body = json.dumps(wish).encode()
        return wire.make_command(
            fresh_id(now_ms), "set", home.key.public_key, now_ms + len(body), now_ms + 60_000, body, home.key.sign_command
        )

    front = home.opaque("front").hex()
    for wish, code in [
        ({"setting": "web.port", "value": 80}, codes.NOT_ALLOWED),
        ({"setting": "source.url", "value": 1, "camera": front}, codes.NOT_ALLOWED),
        ({"setting": "storage.days", "value": -1}, codes.BAD_SETTING),
        ({"setting": "detect.min_score", "value": 1.5, "camera": front, }, codes.BAD_SETTING),
        ({"setting": "detect.min_score", "value": 0.5, "camera": "00" * 16}, codes.BAD_REQUEST),
        ({"setting": "detect.min_score", "value": "x", "camera": front}, codes.BAD_REQUEST),
    ]:  # fmt: skip
        assert await home.ask(raw(**wish)) == (False, code), wish
        home.clock.ms += 1000
        now_ms = home.clock.ms
    assert load(home.folder) == home.settings


async def test_what_cannot_be_set_is_not_even_signed(home):
    for wish, error in [
        (Wish("web.port", 80), NotAllowed),
        (Wish("enabled", False), NotAllowed),
        (Wish("enabled", False, "nowhere"), NotFound),
        (Wish("detect.min_score", 3, "front"), BadSetting),
        (Wish("enabled", None, "front"), BadSetting),
    ]:
        with pytest.raises(error):
            home.service.sign(wish, 60)
    for valid_s in (0, LONGEST_S + 1):
        with pytest.raises(BadRequest, match="week"):
            home.service.sign(Wish("storage.days", 3), valid_s)


async def test_a_switch_begins_the_camera_anew_and_retention_does_not(home):
    assert await home.ask(home.sign("enabled", False)) == (True, "")
    assert await home.ask(home.sign("enabled", False)) == (True, ""), "it is so already"
    assert home.restarted == ["front"]
    assert await home.ask(home.sign("detect.enabled", False, "yard")) == (True, "")
    assert home.restarted == ["front", "yard"]
    for setting, value, camera in [("retention.days", 3, "front"), ("storage.days", None, ""), ("storage.max_gb", 100, "")]:
        assert await home.ask(home.sign(setting, value, camera)) == (True, "")
    written = load(home.folder)
    assert written.cameras["front"].retention.days == 3
    assert (written.storage.days, written.storage.max_gb) == (None, 100)
    assert "days" not in written.cameras["yard"].retention.model_fields_set, "what was not said stays unsaid"
    assert written == home.settings
    assert home.restarted == ["front", "yard"]


async def test_a_home_without_a_link_says_so(home):
    silent = CommandService(home.folder, home.key, None, home.afar, list, home.opaque, home.clock, home.signers())
    assert await silent.ask(home.sign()) == b""
    with pytest.raises(ServiceUnavailable, match="link"):
        silent.sign(Wish("storage.days", 3), 60)
    assert await home.service.ask(b"\xff") == b""


def away(key, value=0.6):
    """What somebody signs with a key file, elsewhere."""
    made = signed_away(json.dumps(key), Wish("detect.min_score", value, "front"), 60)
    command = Command.FromString(base64.b64decode(made["message"]))
    return command.SerializeToString()


@pytest.fixture
def now(home):
    home.clock.ms = time.time_ns() // 1_000_000  # a key file is used where there is no clock of ours
    return home


async def test_a_signers_key_signs_away_from_home_until_it_is_taken_out(now):
    home, told = now, []
    home.service.signers.tell = told.append
    key = await home.service.signers.add("laptop")
    assert key["cameras"] == {"front": home.opaque("front").hex(), "yard": home.opaque("yard").hex()}
    assert await home.ask(away(key)) == (True, "")
    assert home.settings.cameras["front"].detect.min_score == 0.6
    assert home.service.seen()[0].member == key["member"]
    stored = (home.folder / "signers.json").read_text()
    assert sorted(key) == ["cameras", "format", "home", "member", "name", "signing_key"], "nothing that nobody uses"
    assert key["signing_key"] not in stored
    assert bytes.fromhex(key["signing_key"]) not in stored.encode()
    home.begin()  # over restarts
    home.clock.ms += 10
    assert await home.ask(away(key, 0.7)) == (True, "")
    before = away(key, 0.8)
    home.service.signers.tell = told.append
    await home.service.signers.remove(key["member"])
    for raw in (before, away(key, 0.9)):
        assert await home.ask(raw) == (False, codes.NOT_TRUSTED)
    assert home.settings.cameras["front"].detect.min_score == 0.7
    said = Statements(home.key.public_key, [trust.Signed.FromString(one) for one in told])
    assert [trust.Statement.FromString(one.body).revoked for one in said.all()] == [True], "relay and cloud are told"
    with pytest.raises(NotFound):
        await home.service.signers.remove(key["member"])


async def test_a_key_file_of_before_with_its_sealing_key_signs_as_ever(now):
    home = now
    key = await home.service.signers.add("laptop")
    old = key | {"sealing_key": "02" * 96}
    value = json.loads((home.folder / "signers.json").read_text())
    had = trust.Statement.FromString(base64.b64decode(value["signers"][0]["body"]))
    assert had.sealing_key == b""
    body = members.make_member(had.home, had.subject, had.number, had.issued_ms, had.signing_key, b"s" * 1216)
    value["signers"][0] |= {
        "body": base64.b64encode(body).decode(),
        "signature": base64.b64encode(home.key.sign_statement(body)).decode(),
    }
    (home.folder / "signers.json").write_text(json.dumps(value))
    home.begin()
    assert await home.ask(away(old)) == (True, "")


async def test_a_signer_that_the_home_has_not_signed_signs_nothing(now):
    home = now
    key = await home.service.signers.add("laptop")
    foreign = Ed25519PrivateKey.generate()
    for fields, code in [
        ({"member": "00" * 16}, codes.NOT_TRUSTED),
        ({"signing_key": foreign.private_bytes_raw().hex()}, codes.BAD_SIGNATURE),
        ({"home": "11" * 32}, codes.ANOTHER_HOME),
    ]:
        assert await home.ask(away(key | fields)) == (False, code)
    plain = Command.FromString(home.sign())
    plain.member = bytes.fromhex(key["member"])
    assert await home.ask(plain.SerializeToString()) == (False, codes.BAD_SIGNATURE), (
        "the home's signature is not the member's"
    )
    value = json.loads((home.folder / "signers.json").read_text())
    body = members.make_member(home.key.public_key, b"x" * 16, 5, 5, foreign.public_key().public_bytes_raw(), b"s" * 1216)
    value["signers"][0] |= {"member": "78" * 16, "body": base64.b64encode(body).decode()}
    (home.folder / "signers.json").write_text(json.dumps(value))  # somebody with the data folder
    home.begin()
    forged = key | {"member": "78" * 16, "signing_key": foreign.private_bytes_raw().hex()}
    assert await home.ask(away(forged)) == (False, codes.NOT_TRUSTED)
    (home.folder / "signers.json").write_text("{")
    home.begin()
    assert await home.ask(away(key)) == (False, codes.NOT_TRUSTED)
    with pytest.raises(Damaged, match=r"signers\.json"):
        await home.service.signers.add("phone")
    assert await home.ask(home.sign()) == (True, ""), "the home itself signs all the same"


async def test_signers_have_names_and_a_bound(home, monkeypatch):
    monkeypatch.setattr("guardian.services.signers.MOST", 2)
    await home.service.signers.add("laptop")
    for name, error in [("laptop", Conflict), ("", BadRequest), ("a\nb", BadRequest), ("x" * 41, BadRequest)]:
        with pytest.raises(error):
            await home.service.signers.add(name)
    second = await home.service.signers.add("phone")
    with pytest.raises(Conflict, match="2 signers"):
        await home.service.signers.add("watch")
    await home.service.signers.remove(second["member"])
    await home.service.signers.add("phone")
    assert [(one.name, one.out) for one in home.service.signers.all()] == [
        ("laptop", False),
        ("phone", True),
        ("phone", False),
    ]
    assert len(home.service.signers.statements()) == 3


@pytest.mark.parametrize("text", ["", "{}", "[]", "guardian-view:abc", '{"home": 5}'])
def test_what_is_no_key_file_says_so(text):
    with pytest.raises(BadRequest, match="no key file"):
        signed_away(text, Wish("storage.days", 3), 60)
