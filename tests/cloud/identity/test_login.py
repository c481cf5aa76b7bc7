"""Logging in by OpenID Connect against a provider that speaks HTTP; and what of it must not work."""

import aiohttp
import pytest
from guardian_cloud.identity.provider import Attempt, Provider, new_attempt
from guardian_cloud.model.errors import NotLoggedIn, Unavailable
from guardian_cloud.settings.schema import Identity

from guardian.platform.clock import SystemClock
from tests.support.cloud_people import Browser, code_of

BACK = "http://127.0.0.1/login/done"


@pytest.fixture
async def ours(provider):
    one = Provider(Identity(issuer=provider.issuer, client_id="cloud", audience="api"), BACK, SystemClock())
    yield one
    await one.close()


async def code_for(ours, attempt, who="olga"):
    url = await ours.authorization_url(attempt)
    async with aiohttp.ClientSession() as http, http.get(f"{url}&login_hint={who}", allow_redirects=False) as answer:
        found = code_of(answer.headers["Location"])
    assert found["state"] == attempt.state
    return found["code"]


async def test_a_code_becomes_who_logged_in_once(ours):
    attempt = new_attempt()
    code = await code_for(ours, attempt)
    subject = await ours.redeem(code, attempt)
    assert (subject.subject, subject.name, subject.email) == ("olga", "Olga", "olga@example.org")
    with pytest.raises(NotLoggedIn):
        await ours.redeem(code, attempt)


async def test_a_stolen_code_is_worth_nothing_without_the_verifier(ours):
    attempt = new_attempt()
    code = await code_for(ours, attempt)
    with pytest.raises(NotLoggedIn):
        await ours.redeem(code, Attempt(attempt.state, attempt.nonce, new_attempt().verifier))


@pytest.mark.parametrize(
    "spoil",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "http://127.0.0.1:9"},
        {"exp": 1},
        {"aud": ["cloud", "more"]},
        {"sub": None},
    ],
)
async def test_an_id_token_that_is_not_as_it_must_be_logs_nobody_in(ours, provider, spoil):
    provider.spoil = spoil
    attempt = new_attempt()
    code = await code_for(ours, attempt)
    with pytest.raises(NotLoggedIn):
        await ours.redeem(code, attempt)


async def test_an_address_that_nobody_has_proven_is_not_kept(ours, provider):
    provider.people["olga"]["email_verified"] = False
    attempt = new_attempt()
    assert (await ours.redeem(await code_for(ours, attempt), attempt)).email == ""


async def test_the_providers_new_key_is_found(ours, provider):
    ours._clock = clock = Ticking()
    await ours.check()
    provider.change_key()
    clock.at += 61
    attempt = new_attempt()
    assert (await ours.redeem(await code_for(ours, attempt), attempt)).subject == "olga"


class Ticking(SystemClock):
    at = 1000.0

    def mono_s(self):
        return self.at


async def test_a_provider_that_is_away_is_said_so(provider):
    await provider.stop()
    ours = Provider(Identity(issuer=provider.issuer, client_id="cloud"), BACK, SystemClock())
    with pytest.raises(Unavailable):
        await ours.check()
    await ours.close()
    provider.runner = (await type(provider)().start()).runner  # for the fixture to stop


async def test_a_login_ends_only_in_the_browser_that_began_it(started, provider):
    base = f"http://127.0.0.1:{started.web_port}"
    mine, victim = Browser(base, provider, "olga"), Browser(base, provider, "vera")
    async with mine.http.get(f"{base}/login/start", allow_redirects=False) as answer:
        there = answer.headers["Location"]
    async with mine.http.get(f"{there}&login_hint=olga", allow_redirects=False) as answer:
        query = answer.headers["Location"].partition("?")[2]
    async with victim.http.get(f"{base}/login/done?{query}", allow_redirects=False) as answer:
        assert answer.status == 400
        assert "begun in another browser" in await answer.text()
    async with mine.http.get(f"{base}/login/done?{query}", allow_redirects=False) as answer:
        assert answer.status == 303
    async with mine.http.get(f"{base}/login/done?{query}", allow_redirects=False) as answer:
        assert answer.status == 400
    await mine.close()
    await victim.close()


async def test_a_session_ends_with_the_logout(started, people):
    olga = await people("olga")
    cookies = {one.key: one.value for one in olga.http.cookie_jar}
    assert (await olga.page("/logout", {}))[0] == 200
    async with aiohttp.ClientSession(cookies=cookies) as http, http.get(f"{olga.base}/api/v1/me") as answer:
        assert answer.status == 401


async def test_pages_carry_a_policy_and_lead_to_the_login(started):
    base = f"http://127.0.0.1:{started.web_port}"
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{base}/t/{'0' * 32}/audit?before=5", allow_redirects=False) as answer:
            assert answer.status == 303
            assert answer.headers["Location"].startswith("/login?next=/t/")
        async with http.get(f"{base}/login?next=//evil.example") as answer:
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "evil" not in await answer.text()
