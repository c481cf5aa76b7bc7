import re
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient
from guardian_frontend import STATIC, TEMPLATES

from guardian.model.command import Answer, CommandSeen, Wish
from guardian.model.event import EventState, HappeningKind
from guardian.model.relay import RelayState
from guardian.model.time import SECOND_US
from tests.guardian.api.fakes import CODE, COOKIE, CSRF, EVENT, T0
from tests.guardian.web.fakes import HOSTILE, WebFakes


async def test_login_lands_on_the_live_page(stranger: TestClient, fakes: WebFakes) -> None:
    page = await (await stranger.get("/login")).text()
    assert 'name="user"' in page
    assert 'name="password"' in page
    assert 'type="submit"' in page
    response = await stranger.post("/login", data={"user": "owner", "password": "right"})
    assert response.url.path == "/"
    assert "Front door" in await response.text()
    assert fakes.accounts.peers == ["127.0.0.1"]


async def test_login_goes_back_where_it_came_from(stranger: TestClient) -> None:
    data = {"user": "owner", "password": "right", "next": "/events"}
    response = await stranger.post("/login", data=data, allow_redirects=False)
    assert response.headers["Location"] == "/events"
    evil = await stranger.post("/login", data=data | {"next": "//evil.example/"}, allow_redirects=False)
    assert evil.headers["Location"] == "/"


async def test_a_wrong_password_says_so(stranger: TestClient, fakes: WebFakes) -> None:
    response = await stranger.post("/login", data={"user": HOSTILE, "password": "no"})
    assert response.status == 403
    text = await response.text()
    assert "Name or password is wrong." in text
    assert HOSTILE not in text
    assert "guardian_session" not in response.cookies
    fakes.accounts.throttled = True
    assert (await stranger.post("/login", data={"user": "owner", "password": "right"})).status == 429


async def test_who_is_logged_in_skips_the_form(client: TestClient) -> None:
    response = await client.get("/login?next=/system", allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/system")


async def test_logout_ends_the_session(client: TestClient, fakes: WebFakes) -> None:
    response = await client.post("/logout", data={"csrf": CSRF}, allow_redirects=False)
    assert response.headers["Location"] == "/login"
    assert fakes.accounts.ended == [COOKIE]
    assert response.cookies["guardian_session"].value == ""


@pytest.mark.parametrize("path", ["/", "/cameras/evil", "/events", "/system"])
async def test_hostile_names_stay_text(client: TestClient, path: str) -> None:
    text = await (await client.get(path)).text()
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
    assert "<img src=x" not in text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/cameras/front",
        "/events",
        f"/events/{EVENT}",
        "/system",
        "/vault",
        "/vault/keys",
        "/tokens",
        "/viewing",
        "/cameras/front/zones",
    ],
)
async def test_pages_have_nothing_inline(client: TestClient, fakes: WebFakes, path: str) -> None:
    for fakes.vault.unlocked in (False, True):
        text = await (await client.get(path)).text()
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
        assert not re.search(r"<style|\sstyle=|\son\w+=\"", text)
        assert f'<meta name="csrf-token" content="{CSRF}">' in text
        assert path == "/vault/keys" or ("The vault is locked" in text) is (not fakes.vault.unlocked)
        for address in re.findall(r"/static/([^\"?]+)", text):
            assert (STATIC / address).is_file()


async def test_live_shows_states_and_cures(client: TestClient) -> None:
    text = await (await client.get("/")).text()
    assert text.count("<video muted playsinline autoplay") == 3
    assert "It refused the password. Correct it." in text
    assert "Trying again" in text
    assert 'data-camera="front"' in text


async def test_without_cameras_there_is_help(client: TestClient, fakes: WebFakes) -> None:
    fakes.cameras.views = ()
    assert "No camera yet" in await (await client.get("/")).text()
    assert "No camera yet" in await (await client.get("/system")).text()


async def test_a_camera_page(client: TestClient) -> None:
    text = await (await client.get("/cameras/front?at=2026-11-23T00:00:10Z")).text()
    assert 'role="slider"' in text
    assert 'data-at="2026-11-23T00:00:10' in text
    assert "1920×1080" in text
    assert 'data-at=""' in await (await client.get("/cameras/front?at=yesterday")).text()


@pytest.mark.parametrize("path", ["/cameras/none", "/events/none", "/nowhere"])
async def test_what_is_not_there(client: TestClient, path: str) -> None:
    response = await client.get(path)
    assert response.status == 404
    assert "Go to the live view" in await response.text()


async def test_events_are_filtered(client: TestClient, fakes: WebFakes) -> None:
    text = await (await client.get("/events?camera=front&label=person&date=2026-11-23&tz=-60")).text()
    assert f'href="/events/{EVENT}"' in text
    query = fakes.events.queries[-1]
    assert (query.camera, query.label) == ("front", "person")
    assert query.start_us == T0 - 3600 * SECOND_US
    assert query.end_us == T0 + 23 * 3600 * SECOND_US


@pytest.mark.parametrize("query", ["date=soon", "date=2026-11-23&tz=x", "date=9999-12-31&tz=900", "camera=../x"])
async def test_filters_that_make_no_sense_filter_nothing(client: TestClient, fakes: WebFakes, query: str) -> None:
    assert (await client.get(f"/events?{query}")).status == 200
    asked = fakes.events.queries[-1]
    assert (asked.camera, asked.start_us) == (None, None)


async def test_events_are_filtered_by_what_happened_where(client: TestClient, fakes: WebFakes) -> None:
    fakes.cameras.views = (replace(fakes.cameras.views[0], zones=("yard", HOSTILE)), *fakes.cameras.views[1:])
    text = await (await client.get("/events?zone=gate&happening=cross")).text()
    asked = fakes.events.queries[-1]
    assert (asked.zone, asked.happening) == ("gate", HappeningKind.CROSS)
    assert re.search(r"<option selected>gate</option>", text), "a zone of the past stays chosen"
    assert "<option>yard</option>" in text
    assert '<option value="cross" selected>Crossed</option>' in text
    assert HOSTILE not in text
    await client.get("/events?happening=vanish")
    assert fakes.events.queries[-1].happening is None


async def test_an_event_says_what_happened(client: TestClient) -> None:
    text = await (await client.get(f"/events/{EVENT}")).text()
    assert "Entered porch" in text
    assert "Crossed gate to the left" in text


async def test_zones_are_drawn_on_a_page_of_their_own(client: TestClient) -> None:
    assert 'href="/cameras/front/zones"' in await (await client.get("/cameras/front")).text()
    text = await (await client.get("/cameras/front/zones")).text()
    assert 'data-label="person"' in text
    assert "zones_page.js" in text
    assert (await client.get("/cameras/none/zones")).status == 404


async def test_events_come_page_by_page(client: TestClient, fakes: WebFakes) -> None:
    fakes.events.cursor = "c+2&x"
    text = await (await client.get("/events?label=person")).text()
    assert 'hx-get="/events?label=person&amp;cursor=c%2B2%26x"' in text
    part = await (await client.get("/events?cursor=c%2B2%26x", headers={"HX-Request": "true"})).text()
    assert fakes.events.queries[-1].cursor == "c+2&x"
    assert "<html" not in part
    assert 'class="shot"' in part


async def test_thumbnails_are_closed_with_the_vault(client: TestClient, fakes: WebFakes) -> None:
    picture = f"/api/v1/events/{EVENT}/snapshot.jpg"
    assert "placeholder" in await (await client.get(f"/events/{EVENT}/card")).text()
    assert picture not in await (await client.get("/events")).text()
    fakes.vault.unlocked = True
    assert picture in await (await client.get("/events")).text()
    assert picture in await (await client.get(f"/events/{EVENT}/card")).text()


async def test_an_event_and_its_end(client: TestClient, fakes: WebFakes) -> None:
    fakes.vault.unlocked = True
    end = T0 + 75 * SECOND_US
    fakes.events.events[EVENT] = replace(fakes.events.events[EVENT], end_us=end, state=EventState.ENDED)
    text = await (await client.get(f"/events/{EVENT}")).text()
    assert "<video controls" in text
    assert "1 min 15 s" in text
    assert "91 %" in text
    response = await client.post(f"/events/{EVENT}/delete", data={"csrf": CSRF}, allow_redirects=False)
    assert response.headers["Location"] == "/events"
    assert EVENT not in fakes.events.events
    assert "All quiet" in await (await client.get("/events")).text()


async def test_system_page_and_its_fragment(client: TestClient) -> None:
    page = await (await client.get("/system")).text()
    part = await (await client.get("/system", headers={"HX-Request": "true"})).text()
    assert "<html" in page
    assert "<html" not in part
    for text in (page, part):
        assert 'hx-trigger="every 3s"' in text
        assert "Nearly full." in text
        assert "Free some." in text


async def test_the_archive_says_that_it_is_public_before_anything_goes(client: TestClient) -> None:
    page = await (await client.get("/system")).text()
    for text in (
        "It is public for ever.",
        "Nothing goes there until you say so.",
        "0.0266 USDFC",
        "Next to pay: one: 0.0008",
    ):
        assert text in page
    assert "1 of 2 packs verified" in page


async def test_vault_opens_and_closes(client: TestClient, fakes: WebFakes) -> None:
    wrong = await client.post("/vault/unlock", data={"csrf": CSRF, "passphrase": "wrong"})
    assert wrong.status == 403
    assert "The passphrase is wrong." in await wrong.text()
    data = {"csrf": CSRF, "passphrase": "right", "next": "/events"}
    opened = await client.post("/vault/unlock", data=data, allow_redirects=False)
    assert opened.headers["Location"] == "/events"
    assert fakes.vault.unlocked
    closed = await client.post("/vault/lock", data={"csrf": CSRF})
    assert "The vault is locked" in await closed.text()
    assert not fakes.vault.unlocked
    fakes.vault.throttled = True
    assert (await client.post("/vault/unlock", data=data)).status == 429


async def test_tokens_are_made_shown_once_and_revoked(client: TestClient, fakes: WebFakes) -> None:
    made = await (await client.post("/tokens", data={"csrf": CSRF, "name": HOSTILE})).text()
    assert "fresh-secret" in made
    assert HOSTILE not in made
    assert "fresh-secret" not in await (await client.get("/tokens")).text()
    assert (await client.post("/tokens", data={"csrf": CSRF, "name": " "})).status == 400
    await client.post("/tokens/t1/revoke", data={"csrf": CSRF})
    assert list(fakes.accounts.tokens) == ["t2"]


async def test_faults_of_ours_are_a_page_too(client: TestClient, fakes: WebFakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fakes.health, "system", None)
    response = await client.get("/system")
    assert response.status == 500
    assert "TypeError" not in await response.text()


def test_every_import_of_a_script_is_there() -> None:
    for script in (STATIC / "js").glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', script.read_text()):
            assert (script.parent / name).is_file(), f"{script.name} imports {name}"
        assert "eval(" not in script.read_text()


def test_every_style_name_that_is_written_twice_agrees() -> None:
    text = (STATIC / "css" / "base.css").read_text()
    light = [set(re.findall(r"(--[\w-]+: [^;]+);", part)) for part in text.split("color-scheme: light;")[1:3]]
    assert {one for one in light[0] if one not in light[1]} == set()


def test_nothing_comes_from_elsewhere() -> None:
    for file in [*TEMPLATES.rglob("*.html"), *Path(STATIC).glob("[!v]*/*")]:
        text = file.read_text()
        assert not re.search(r"(?:src|href|url)\s*[=(]\s*[\"']?https?:", text), file.name


async def test_a_recovery_code_is_made_for_who_types_the_passphrase_again_and_is_not_kept(
    client: TestClient, fakes: WebFakes
) -> None:
    page = await (await client.get("/vault/keys")).text()
    assert "Recovery code" in page
    assert CODE not in page
    wrong = await client.post("/vault/recovery-code", data={"csrf": CSRF, "passphrase": "wrong"})
    assert wrong.status == 403
    assert "The passphrase is wrong." in await wrong.text()
    made = await client.post("/vault/recovery-code", data={"csrf": CSRF, "passphrase": "right"})
    text = await made.text()
    assert (made.status, made.headers["Cache-Control"]) == (200, "no-store")
    assert all(f"<code>{group}</code>" in text for group in CODE.split("-"))
    assert "<svg" in text
    assert "data-print" in text
    assert " style=" not in text, "the policy would not allow it"
    fakes.vault.throttled = True
    assert (await client.post("/vault/recovery-code", data={"csrf": CSRF, "passphrase": "right"})).status == 429


async def test_the_passphrase_is_changed_and_a_key_made(client: TestClient, fakes: WebFakes) -> None:
    data = {"csrf": CSRF, "passphrase": "right", "new": "a new secret", "again": "a new secrxt"}
    differ = await client.post("/vault/change-passphrase", data=data)
    assert differ.status == 400
    assert "differ" in await differ.text()
    changed = await client.post("/vault/change-passphrase", data=data | {"again": "a new secret"})
    assert "The passphrase is changed." in await changed.text()
    assert fakes.vault.passphrases == ["a new secret"]
    rotated = await client.post("/vault/rotate", data={"csrf": CSRF, "passphrase": "right"})
    assert "There is a new key." in await rotated.text()
    assert fakes.vault.epoch == 8
    wrong = await client.post("/vault/rotate", data={"csrf": CSRF, "passphrase": "wrong"})
    assert (wrong.status, fakes.vault.epoch) == (403, 8)


async def test_a_lost_passphrase_is_replaced_with_the_code(client: TestClient, fakes: WebFakes) -> None:
    assert 'href="/vault/recover"' in await (await client.get("/vault")).text()
    data = {"csrf": CSRF, "code": "wrong", "new": "a new secret", "again": "a new secret"}
    wrong = await client.post("/vault/recover", data=data)
    assert wrong.status == 403
    assert "a new secret" not in await wrong.text()
    done = await client.post("/vault/recover", data=data | {"code": CODE})
    assert done.url.path == "/vault/keys"
    assert CODE not in str(done.url)
    assert fakes.vault.unlocked
    fakes.vault.recovery = None
    assert "only its passphrase opens it" in await (await client.get("/vault/recover")).text()
    assert "loses the footage" in await (await client.get("/vault")).text()


async def test_a_day_has_25_hours_where_its_zone_says_so(client: TestClient, fakes: WebFakes) -> None:
    await client.get("/events?date=2026-10-25&tz=-120&tz_end=-60")
    asked = fakes.events.queries[-1]
    assert asked.start_us is not None
    assert asked.end_us is not None
    assert (asked.end_us - asked.start_us) // 3_600_000_000 == 25


async def test_a_thumb_works_without_a_script_and_is_taken_back(client: TestClient, fakes: WebFakes) -> None:
    page = await (await client.get(f"/events/{EVENT}")).text()
    assert f'action="/events/{EVENT}/feedback"' in page
    assert page.count('aria-pressed="false"') == 2
    data = {"csrf": CSRF, "verdict": "wrong", "back": f"/events/{EVENT}"}
    response = await client.post(f"/events/{EVENT}/feedback", data=data, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, f"/events/{EVENT}")
    assert fakes.events.events[EVENT].verdict == "wrong"
    pressed = await (await client.get("/events")).text()
    assert re.search(r'value=""\s+aria-pressed="true"\s+title="Take it back"', pressed)
    await client.post(f"/events/{EVENT}/feedback", data=data | {"verdict": ""})
    assert fakes.events.events[EVENT].verdict == ""


async def test_a_thumb_answers_a_script_with_itself_alone(client: TestClient) -> None:
    data = {"csrf": CSRF, "verdict": "right", "back": "/events"}
    response = await client.post(f"/events/{EVENT}/feedback", data=data, headers={"HX-Request": "true"})
    text = await response.text()
    assert text.strip().startswith('<form class="thumbs"')
    assert text.count('aria-pressed="true"') == 1


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/events\\evil", ""])
async def test_a_thumb_leads_nowhere_else(client: TestClient, back: str) -> None:
    data = {"csrf": CSRF, "verdict": "right", "back": back}
    response = await client.post(f"/events/{EVENT}/feedback", data=data, allow_redirects=False)
    assert response.headers["Location"] == f"/events/{EVENT}"


async def test_a_thumb_needs_the_forms_word(client: TestClient, fakes: WebFakes) -> None:
    response = await client.post(f"/events/{EVENT}/feedback", data={"verdict": "wrong"}, allow_redirects=False)
    assert response.status == 403
    assert fakes.events.events[EVENT].verdict == ""


async def test_the_list_is_filtered_by_verdict(client: TestClient, fakes: WebFakes) -> None:
    await client.get("/events?verdict=wrong")
    await client.get("/events?verdict=nonsense")
    assert [query.verdict for query in fakes.events.queries[-2:]] == ["wrong", None]


@pytest.mark.parametrize(
    ("state", "words"),
    [("none", ()), ("connected", ("Connected", "relay.example:51820")), ("pairing", ("Being joined", "123 456"))],
)
async def test_the_system_page_shows_the_relay_that_is_joined(client, fakes, state, words):
    fakes.relay.state = RelayState(state)
    page = await (await client.get("/system")).text()
    assert all(word in page for word in words)
    assert ("<h2>Relay</h2>" in page) == bool(words)


async def test_the_system_page_shows_what_was_asked_from_afar(client, fakes):
    assert "asked from afar" not in await (await client.get("/system")).text()
    wish = Wish("enabled", False, "gone")
    refused = Answer(False, "bad_signature", "the signature is <not> the home's")
    fakes.commands.asked = (
        CommandSeen("a", T0, "set", True, refused, wish),
        CommandSeen("b", T0, "ping", False, Answer(True)),
    )
    page = await (await client.get("/system")).text()
    for word in ("asked from afar", "set enabled = False", "gone", "Refused", "The signature is &lt;not&gt;", "Done"):
        assert word in page, word
    assert "by this home" not in page
