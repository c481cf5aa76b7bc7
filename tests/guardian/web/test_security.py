import pytest
from aiohttp.test_utils import TestClient

from guardian.web.security import safe_next
from tests.guardian.api.fakes import COOKIE, CSRF, EVENT, TOKEN
from tests.guardian.web.fakes import WebFakes

PAGES = [
    "/",
    "/cameras/front",
    "/events",
    f"/events/{EVENT}",
    f"/events/{EVENT}/card",
    "/system",
    "/vault",
    "/vault/keys",
    "/vault/recover",
    "/tokens",
    "/viewing",
]


@pytest.mark.parametrize("page", [*PAGES, "/nowhere", "/cameras/none"])
async def test_nobody_is_sent_to_the_login(stranger: TestClient, page: str) -> None:
    response = await stranger.get(page, allow_redirects=False)
    assert response.status == 303
    assert response.headers["Location"].startswith("/login")
    assert not await response.text()


async def test_the_login_knows_where_to_go_back(stranger: TestClient) -> None:
    response = await stranger.get("/events?camera=front", allow_redirects=False)
    assert response.headers["Location"] == "/login?next=/events%3Fcamera%3Dfront"


@pytest.mark.parametrize(
    "path",
    [
        "/vault/unlock",
        "/vault/lock",
        "/vault/recovery-code",
        "/vault/change-passphrase",
        "/vault/rotate",
        "/vault/recover",
        "/tokens",
        "/tokens/t1/revoke",
        "/viewing/on",
        "/viewing/off",
        "/viewing/viewers",
        f"/viewing/viewers/{'ef' * 16}/remove",
        "/logout",
        f"/events/{EVENT}/delete",
    ],
)
async def test_nobody_changes_anything(stranger: TestClient, fakes: WebFakes, path: str) -> None:
    response = await stranger.post(path, data={"csrf": CSRF, "passphrase": "right", "name": "x"}, allow_redirects=False)
    assert response.status == 303
    assert response.headers["Location"] == "/login"
    assert not fakes.vault.unlocked
    assert EVENT in fakes.events.events
    assert list(fakes.accounts.tokens) == ["t1"]


async def test_a_fragment_without_a_login_moves_the_whole_page(stranger: TestClient) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://box/system"}
    response = await stranger.get("/system", headers=headers, allow_redirects=False)
    assert response.status == 401
    assert response.headers["HX-Redirect"] == "/login?next=/system"


@pytest.mark.parametrize(
    "path",
    [
        "/vault/unlock",
        "/vault/lock",
        "/vault/recovery-code",
        "/vault/change-passphrase",
        "/vault/rotate",
        "/vault/recover",
        "/tokens",
        "/tokens/t1/revoke",
        "/logout",
        f"/events/{EVENT}/delete",
    ],
)
@pytest.mark.parametrize("csrf", [None, "", "wrong"])
async def test_forms_without_the_word_are_refused(client: TestClient, fakes: WebFakes, path: str, csrf: str | None) -> None:
    fields = {"passphrase": "right", "name": "x"} | ({"csrf": csrf} if csrf is not None else {})
    response = await client.post(path, data=fields, allow_redirects=False)
    assert response.status == 403
    assert "Load the page again" in await response.text()
    assert not fakes.vault.unlocked
    assert EVENT in fakes.events.events
    assert list(fakes.accounts.tokens) == ["t1"]
    assert not fakes.accounts.ended


async def test_scripts_send_the_word_in_a_header(client: TestClient, fakes: WebFakes) -> None:
    headers = {"X-CSRF-Token": CSRF}
    response = await client.post("/vault/unlock", data={"passphrase": "right"}, headers=headers, allow_redirects=False)
    assert response.status == 303
    assert fakes.vault.unlocked


@pytest.mark.parametrize("path", ["/login", "/vault/lock"])
async def test_forms_of_other_sites_are_refused(client: TestClient, fakes: WebFakes, path: str) -> None:
    data = {"csrf": CSRF, "user": "owner", "password": "right"}
    response = await client.post(path, data=data, headers={"Origin": "https://elsewhere.example"}, allow_redirects=False)
    assert response.status == 403
    assert not fakes.accounts.peers


async def test_a_token_opens_pages(stranger: TestClient) -> None:
    good = await stranger.get("/system", headers={"Authorization": f"Bearer {TOKEN}"}, allow_redirects=False)
    bad = await stranger.get("/system", headers={"Authorization": "Bearer nonsense"}, allow_redirects=False)
    assert (good.status, bad.status) == (200, 303)


async def test_a_wrong_token_is_not_saved_by_the_cookie(client: TestClient) -> None:
    response = await client.get("/system", headers={"Authorization": "Bearer nonsense"}, allow_redirects=False)
    assert response.status == 303


@pytest.mark.parametrize(
    "path", ["/", "/login", "/nowhere", "/static/css/base.css", "/static/none.css", "/api/v1/cameras", "/healthz"]
)
async def test_headers_are_everywhere(client: TestClient, path: str) -> None:
    response = await client.get(path, allow_redirects=False)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"


async def test_only_static_files_are_kept(client: TestClient) -> None:
    for page in PAGES:
        assert (await client.get(page)).headers["Cache-Control"] == "no-store"
    versioned = await client.get("/static/css/base.css?v=abc")
    assert "immutable" in versioned.headers["Cache-Control"]
    assert (await client.get("/static/js/live.js")).headers["Cache-Control"] == "no-cache"


async def test_open_without_a_login(stranger: TestClient) -> None:
    for path in ("/login", "/healthz", "/static/js/theme.js", "/favicon.ico"):
        assert (await stranger.get(path, allow_redirects=False)).status == 200
    for path in ("/readyz", "/metrics", "/api/v1/cameras", "/api/v1/none"):
        assert (await stranger.get(path, allow_redirects=False)).status == 401


@pytest.mark.parametrize(
    "path", ["/static/../__init__.py", "/static/%2e%2e/__init__.py", "/static/..%2f__init__.py", "/static/"]
)
async def test_static_stays_inside(stranger: TestClient, path: str) -> None:
    response = await stranger.get(path, allow_redirects=False)
    assert response.status in (303, 403, 404)
    assert "TEMPLATES" not in await response.text()


@pytest.mark.parametrize(
    ("wanted", "to"),
    [
        ("/events?x=1", "/events?x=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("/login?next=/", "/"),
        ("/a\r\nSet-Cookie: x", "/"),
        ("", "/"),
    ],
)
def test_only_our_own_pages_are_next(wanted: str, to: str) -> None:
    assert safe_next(wanted) == to


async def test_the_session_cookie_is_out_of_scripts_reach(stranger: TestClient) -> None:
    response = await stranger.post("/login", data={"user": "owner", "password": "right"}, allow_redirects=False)
    cookie = response.cookies["guardian_session"]
    assert cookie.value == COOKIE
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["path"] == "/"
