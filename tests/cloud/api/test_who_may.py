"""Every operation of the OpenAPI document, asked by every role, by nobody, and by the owner of another home."""

import json
import re
import uuid

import aiohttp
from guardian_cloud.api.app import OPERATIONS
from guardian_cloud.api.openapi import document
from openapi_spec_validator import validate

from tests.support.cloud_people import Browser

OWN, A, V, G = "owner", "admin", "viewer", "guest"
# By hand, so that a change of the table in model/roles.py or of an operation's needs is seen here.
MAY = {
    "GET /tenants/{tenant}": {OWN, A, V, G},
    "PATCH /tenants/{tenant}": {OWN},
    "GET /tenants/{tenant}/members": {OWN, A},
    "PATCH /tenants/{tenant}/members/{user}": {OWN},
    "DELETE /tenants/{tenant}/members/{user}": {OWN},
    "DELETE /tenants/{tenant}/me": {OWN, A, V, G},
    "PUT /tenants/{tenant}/me/mail": {OWN, A, V},
    "GET /tenants/{tenant}/invitations": {OWN, A},
    "POST /tenants/{tenant}/invitations": {OWN, A},
    "DELETE /tenants/{tenant}/invitations/{invitation}": {OWN, A},
    "GET /tenants/{tenant}/devices": {OWN, A, V, G},
    "POST /tenants/{tenant}/devices/codes": {OWN, A},
    "DELETE /tenants/{tenant}/devices/{device}": {OWN, A},
    "GET /tenants/{tenant}/devices/{device}/health": {OWN, A, V, G},
    "GET /tenants/{tenant}/commands": {OWN, A, V},
    "POST /tenants/{tenant}/commands": {OWN, A, V},
    "GET /tenants/{tenant}/commands/{command}": {OWN, A, V},
    "GET /tenants/{tenant}/events": {OWN, A, V},
    "GET /tenants/{tenant}/events/{event}/sealed": {OWN, A, V},
    "GET /tenants/{tenant}/stream": {OWN, A, V},
    "POST /tenants/{tenant}/subscriptions": {OWN, A, V},
    "DELETE /tenants/{tenant}/subscriptions/{subscription}": {OWN, A, V},
    "GET /tenants/{tenant}/audit": {OWN, A},
    "GET /tenants/{tenant}/audit/check": {OWN, A},
}
LOGIN = {"GET /me", "POST /tenants", "POST /invitations/accepted"}
OPEN = {"POST /enrolments", "GET /push/key"}


def test_the_document_is_openapi_and_says_who_may():
    made = document(OPERATIONS)
    validate(made)
    found = {}
    for path, methods in made["paths"].items():
        for method, one in methods.items():
            found[f"{method.upper()} {path}"] = set(one.get("x-roles", [])) or one["x-needs"]
    assert found == {**MAY, **dict.fromkeys(LOGIN, "login"), **dict.fromkeys(OPEN, "nothing")}


def test_every_operation_has_words_and_every_field_of_a_body_a_meaning():
    for one in OPERATIONS:
        assert one.words[0].endswith("."), one.name
        for model in filter(None, (one.body, one.query)):
            assert all(info.description for info in model.model_fields.values()), model


async def test_each_role_may_what_the_table_says_and_nothing_else(started, people, provider):
    owner = await people("olga")
    tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
    who = {OWN: owner}
    for role, name in ((A, "adam"), (V, "vera"), (G, "gus")):
        word = (await owner.post(f"/tenants/{tenant}/invitations", {"role": role}))["word"]
        who[role] = await people(name)
        await who[role].post("/invitations/accepted", {"word": word})
    other = await people("otto")
    await other.post("/tenants", {"name": "Elsewhere"})
    async with aiohttp.ClientSession() as http:
        nobody = Browser(owner.base, provider, "")
        await nobody.close()
        nobody.http = http
        asked = 0
        wrong = []
        for path, methods in document(OPERATIONS)["paths"].items():
            for method, operation in methods.items():
                name = f"{method.upper()} {path}"
                if name == "DELETE /tenants/{tenant}/me":
                    continue  # who may leaves: last
                real = re.sub(r"{(\w+)}", lambda found: tenant if found[1] == "tenant" else str(uuid.uuid4()), path)
                for role, one in [*who.items(), ("nobody", nobody), ("other", other)]:
                    status = await ask(one, method.upper(), real, operation)
                    asked += 1
                    if not expected(name, role, status):
                        wrong.append(f"{name} as {role}: {status}")
        assert wrong == []
        assert asked > 140
        for role in (G, V, A):
            assert (await who[role].ask("DELETE", f"/tenants/{tenant}/me"))[0] == 204
            assert (await who[role].ask("GET", f"/tenants/{tenant}"))[0] == 404


async def ask(one, method, path, operation):
    """Ask with an empty body: who may is told what is wrong with it, who may not is not."""
    body = {} if "requestBody" in operation else None
    headers = {"X-CSRF-Token": one.csrf}
    async with one.http.request(method, f"{one.base}/api/v1{path}", json=body, headers=headers) as answer:
        return answer.status  # of a stream the head is enough


def expected(name, role, status):
    if name in OPEN:
        return status not in (401, 403)
    if role == "nobody":
        return status == 401
    if name in LOGIN:
        return status in (200, 201, 400)
    if role == "other":
        return status == 404
    return status not in (401, 403) if role in MAY[name] else status == 403


async def test_a_change_from_a_browser_needs_the_pages_word_and_our_origin(started, people):
    owner = await people("olga")
    tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
    for headers in ({"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"Origin": "https://evil.example"}, {"Origin": "null"}):
        status, problem = await owner.ask("PATCH", f"/tenants/{tenant}", {"name": "Mine"}, headers=headers)
        assert (status, problem["code"]) == (403, "not_allowed"), headers
    assert (await owner.get(f"/tenants/{tenant}"))["name"] == "Home"


async def test_programs_come_with_a_token_of_the_provider(started, people, provider):
    owner = await people("olga")
    tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
    good = provider.access_token("olga")
    now = int(started.cloud.clock.now().utc_us // 1_000_000)
    other_key = type(provider.key).generate_key("P-256")
    bad = {
        "of another audience": provider.access_token("olga", aud="somebody"),
        "of another issuer": provider.access_token("olga", iss="http://127.0.0.1:1"),
        "ended": provider.access_token("olga", exp=now - 60),
        "not yet": provider.access_token("olga", nbf=now + 600),
        "of another key": provider.sign("olga", {"aud": provider.audience}, typ="at+jwt", key=other_key),
        "an id token": provider.sign("olga", {"aud": provider.audience, "nonce": "n"}),
        "unsigned": "eyJhbGciOiJub25lIn0." + good.split(".")[1] + ".",
        "cut": good[:-4],
        "nothing": "x",
        "long": "x" * 7000,
    }
    async with aiohttp.ClientSession() as http:

        async def me(token):
            url = f"{owner.base}/api/v1/tenants/{tenant}"
            async with http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
                return answer.status, json.loads(await answer.text())

        assert (await me(good))[0] == 200
        assert (await me(provider.access_token("otto")))[0] == 404
        for why, token in bad.items():
            status, problem = await me(token)
            assert (status, problem["code"]) == (401, "not_logged_in"), why
        asked = provider.jwks_asked
        for _ in range(20):  # strangers cannot make us ask the provider again and again
            await me(bad["of another key"])
        assert provider.jwks_asked == asked


async def test_bad_input_names_field_and_cure(started, people):
    owner = await people("olga")
    tenant = (await owner.post("/tenants", {"name": "Home"}))["tenant"]
    cases = [
        ("POST", "/tenants", {"name": ""}, "name"),
        ("POST", "/tenants", {"name": "x", "more": 1}, "more"),
        ("POST", f"/tenants/{tenant}/invitations", {"role": "king"}, "role"),
        ("POST", f"/tenants/{tenant}/devices/codes", {"role": "camera", "name": "x"}, "role"),
        ("GET", f"/tenants/{tenant}/events?limit=0", None, "limit"),
        ("GET", f"/tenants/{tenant}/events?limits=1", None, "limits"),
        ("GET", f"/tenants/{tenant}/events?limit=1&limit=2", None, "limit"),
        ("GET", f"/tenants/{tenant}?x=1", None, "x"),
        ("POST", f"/tenants/{tenant}/commands", {"device": "x", "message": "!"}, "message"),
        ("POST", f"/tenants/{tenant}/commands", {"device": "x", "message": "AAAA"}, "message"),
        ("POST", f"/tenants/{tenant}/commands", {"device": "x"}, "verb"),
        ("POST", f"/tenants/{tenant}/commands", {"device": "x", "verb": "ping", "message": "AAAA"}, "verb"),
        ("POST", f"/tenants/{tenant}/commands", {"device": "x", "verb": "set"}, "verb"),
    ]
    for method, path, body, field in cases:
        status, problem = await owner.ask(method, path, body)
        assert (status, problem["field"]) == (400, field), (path, problem)
        assert problem["cure"]
        assert problem["type"] == f"urn:guardian:problem:{problem['code']}"
    assert (await owner.ask("GET", "/nothing"))[0] == 404
    assert (await owner.ask("GET", "/tenants/not-an-id"))[0] == 404
