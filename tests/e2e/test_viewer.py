"""The owner far away: their browser opens the vault, sees events, plays a clip and the live picture through a relay that learns nothing,
while the vault at home is locked.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from guardian.services.demo import CLIP
from guardian.vault.keyring import Keyring
from tests.support import canary
from tests.support.authority import Authority
from tests.support.browser import browser, open_afar, playing
from tests.support.canary import Canaries, memory
from tests.support.hostile_gateway import HostileGateway
from tests.support.house import PASSPHRASE
from tests.support.namespaces import RELAY
from tests.support.program import wait_for
from tests.support.relay_lab import CAMERA, NAME, at_home, joined_home, run

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
GATE = f"https://{RELAY}:8443/"
SLOW_MS = 60_000
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "color_scheme": "dark"}
DESK = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}
PICTURES = os.environ.get("GUARDIAN_TEST_PICTURES")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer")
    key, chain = Authority().server(RELAY)
    (folder / "key.pem").write_bytes(key)
    (folder / "chain.pem").write_bytes(chain)
    gate = f'[gateway]\nlisten = "0.0.0.0:8443"\ncert_file = "{folder}/chain.pem"\nkey_file = "{folder}/key.pem"\n'
    with joined_home(folder, gate) as (relay, program, data, _, network):
        wait_for(lambda: program.get("/api/v1/relay")["state"] == "connected", 60, "the link")
        viewing = run("viewing", "on", "--data", str(data), "--json")["key"]
        wait_for(lambda: [one for one in at_home(program) if one["end"]], 120, "an event that is over")
        assert program.request("/api/v1/vault/lock", method="POST")[0] < 300
        yield SimpleNamespace(relay=relay, program=program, data=data, network=network, key=viewing)


@contextlib.contextmanager
def afar(place, url=GATE, look=PHONE):
    """A browser on the other side of the NAT."""
    wait_for(lambda: home_says(place, "relay")["state"] == "connected", 60, "the link")
    with place.network.inside("nat"), browser(ignore_https_errors=True, **look) as page:
        page.set_default_timeout(SLOW_MS)
        page.goto(url)
        yield page


def home_says(place, what):
    with place.network.inside("home"):
        return place.program.get(f"/api/v1/{what}")


def problem(page, text):
    """The page says what is wrong."""
    try:
        page.locator("#problem", has_text=text).wait_for()
    except Exception as error:
        raise AssertionError(f"not {text!r} but {page.inner_text('main')!r}; {page.problems}") from error


def listed(page):
    """Every event that has a picture shows it."""
    blank = "[...document.querySelectorAll('.card .blank')].filter((one) => !one.textContent).length"
    wait_for(lambda: page.locator(".card img").count() and not page.evaluate(blank), 60, "all pictures")


def picture(page, name):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def test_the_owner_sees_events_plays_a_clip_and_looks_live(place):
    with afar(place) as page:
        picture(page, "phone-gate")
        open_afar(page, place.key, PASSPHRASE)
        page.wait_for_selector(".card img")
        card = page.locator(".card:has(img)").last
        assert NAME in card.inner_text()
        picture(page, "phone-events")
        card.click()
        state = wait_for(lambda: playing(page, "#clip-video"), 60, "the clip plays")
        assert state["width"] > 100
        picture(page, "phone-clip")
        page.click("#close")
        page.click("[data-tab=live]")
        page.click("#cameras button")
        wait_for(lambda: playing(page, "#live-video"), 60, "the live picture plays")
        picture(page, "phone-live")
        assert home_says(place, "viewing")["viewers"] == 1
        assert not home_says(place, "vault")["unlocked"], "home needed no key for it"
        page.click("#lock")
        assert page.is_visible("#open")
        assert page.locator(".card").count() == 0
        assert page.evaluate("[localStorage.length, sessionStorage.length, location.hash]") == [0, 0, ""]
        assert page.problems == []
    wait_for(lambda: home_says(place, "viewing")["viewers"] == 0, 20, "that they left is noticed")
    secrets = Canaries(words(place))
    assert secrets.within(f"{NAME} {PASSPHRASE}".encode()) == {"name", "passphrase"}, "the search finds nothing"
    assert secrets.in_files(place.relay.folder) == []
    assert secrets.within(memory(place.relay.process.pid)) == set(), "the relay's memory"


def test_wrong_secrets_are_refused_and_a_right_one_works_on_a_desk(place):
    with afar(place, look=DESK) as page:
        open_afar(page, place.key, "not the passphrase")
        problem(page, "passphrase is wrong")
        open_afar(page, place.key[:-4] + "AAAA", PASSPHRASE)
        problem(page, "no viewing key")
        picture(page, "desk-refused")
        open_afar(page, place.key, PASSPHRASE)
        page.wait_for_selector(".card img")
        for _ in range(6):  # each lists anew, with all pictures: more than home answers at once
            page.click("[data-tab=events]")
        listed(page)
        cards = page.locator(".card").all_inner_texts()
        assert len(cards) <= len(home_says(place, "events?limit=200")["items"]), "none is there twice"
        picture(page, "desk-events")
        assert page.problems == []


def test_somebody_else_looks_with_their_own_secrets_until_they_are_taken_out(place):
    passphrase = place.data / "passphrase"
    with place.network.inside("home"):
        run("vault", "unlock", "--passphrase-file", str(passphrase), "--data", str(place.data), "--json")
        olga = run("viewing", "let-in", "--name", "Olga", "--data", str(place.data), "--json")
        assert place.program.request("/api/v1/vault/lock", method="POST")[0] < 300
    with afar(place, look=DESK) as page:
        open_afar(page, olga["key"], PASSPHRASE)
        problem(page, "passphrase is wrong")
        open_afar(page, olga["key"], olga["passphrase"])
        page.wait_for_selector(".card img")
        page.locator(".card:has(img)").last.click()
        wait_for(lambda: playing(page, "#clip-video"), 60, "the clip plays for her")
        page.click("#close")
        with place.network.inside("home"):
            removed = run(
                "member", "remove", "Olga", "--passphrase-file", str(passphrase), "--data", str(place.data), "--json"
            )
        assert ([one["name"] for one in removed["removed"]], removed["epoch"]) == (["Olga"], 2)
        page.locator("#open").wait_for()  # her page forgets everything
        assert page.locator(".card").count() == 0
        open_afar(page, olga["key"], olga["passphrase"])
        problem(page, "does not take this viewing key")
        open_afar(page, place.key, PASSPHRASE)  # the owner's secrets are what they were
        page.wait_for_selector(".card img")
        picture(page, "desk-owner-after-rotation")
    with place.network.inside("home"):
        assert run("member", "list", "--data", str(place.data), "--json")["members"] == []


def test_a_page_that_was_open_when_the_vault_got_a_new_key_says_so(place):
    with place.network.inside("nat"):
        between = HostileGateway(GATE)
    try:
        with afar(place, between.url) as page:
            open_afar(page, place.key, PASSPHRASE)
            page.wait_for_selector(".card img")
            with place.network.inside("home"):
                words = ("--passphrase-file", str(place.data / "passphrase"), "--data", str(place.data), "--json")
                run("vault", "rotate", *words)
            between.cut()
            problem(page, "has made a new key")
            assert page.is_visible("#open")
    finally:
        between.close()


def test_who_changes_a_frame_ends_the_session_and_who_reads_them_learns_nothing(place):
    with place.network.inside("nat"):
        hostile = HostileGateway(GATE)
    try:
        with afar(place, hostile.url) as page:
            open_afar(page, place.key, PASSPHRASE)
            page.wait_for_selector(".card img")
            seen = Canaries(words(place)).within(bytes(hostile.seen))
            assert seen == set()
            assert len(hostile.seen) > 20_000
            hostile.cut()
            page.locator("#status", has_text="Trying again").wait_for()
            wait_for(lambda: page.inner_text("#status") == "", 60, "the connection is there again")
            listed(page)
            assert page.is_hidden("#problem")
            assert page.is_hidden("#open"), "they come back by themselves, with the keys that they have"
            hostile.change = lambda _, frame: frame[:-1] + bytes([frame[-1] ^ 1])
            page.click("[data-tab=events]")
            problem(page, "is not what home sent")
            assert page.is_visible("#open")
            assert page.locator(".card").count() == 0
            hostile.change = lambda number, frame: frame if number else frame[:40] + bytes([frame[40] ^ 1]) + frame[41:]
            open_afar(page, place.key, PASSPHRASE)
            problem(page, "is not the home")
    finally:
        hostile.close()


def words(place):
    private = json.loads((place.data / "vault" / "viewing.json").read_text())
    epoch = json.loads((place.data / "vault" / "vault.json").read_text())["epochs"][0]
    keyring = Keyring.load(place.data / "vault")
    keyring.unlock(PASSPHRASE)
    return {
        "camera": canary.secret(CAMERA),
        "name": canary.secret(NAME),
        "passphrase": canary.secret(PASSPHRASE),
        "viewing key": canary.secret(place.key) | canary.secret(private["secret"]),
        "label": canary.secret('"label"'),
        "wrapped key": canary.secret(epoch["wrapped"]),
        "vault's key": {shape for key in keyring._private.values() for shape in canary.shapes(bytes(key))},
        "footage": canary.footage(CLIP),
        "event": {form for one in home_says(place, "events?limit=200")["items"] for form in canary.secret(one["id"])},
    }
