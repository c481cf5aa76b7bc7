"""Puts the API together: who asks is found out here, and whether they may, before any handler runs."""

from __future__ import annotations

import hmac
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from guardian_cloud.api import events, fleet, others, people
from guardian_cloud.api.openapi import COOKIE, CSRF_HEADER, PLAIN_COOKIE, document
from guardian_cloud.api.problems import problems
from guardian_cloud.api.routing import MOST_BODY, Needs, Operation, answer, arguments
from guardian_cloud.api.stream import STREAMS
from guardian_cloud.ephemeral.contract import Rate
from guardian_cloud.model.errors import NotAllowed, NotLoggedIn, TooManyRequests
from guardian_cloud.services.caller import Person, network_of
from guardian_cloud.services.cloud import Cloud

OPERATIONS: Final[tuple[Operation, ...]] = (
    *people.operations.items,
    *fleet.operations.items,
    *events.operations.items,
    *others.operations.items,
)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_BURST: Final = 5.0


def make_api(cloud: Cloud) -> web.Application:
    """Return the API's application. Nothing in it answers without a login but what says so."""
    app = web.Application(middlewares=[problems], client_max_size=MOST_BODY)
    app[STREAMS] = Counter()

    async def end(_: web.Application) -> None:
        cloud.news.end_all()

    app.on_shutdown.append(end)
    for one in OPERATIONS:
        app.router.add_route(one.method, one.path, _handler(cloud, one))
    app.router.add_get("/openapi.json", get_openapi)
    return app


async def get_openapi(_: web.Request) -> web.Response:
    """The OpenAPI document."""
    return web.Response(text=json.dumps(document(OPERATIONS), ensure_ascii=False), content_type="application/json")


def _handler(cloud: Cloud, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        origin = network_of(request.remote)
        if operation.needs is Needs.NOTHING:
            await limit(cloud, f"api:{origin}")
            made = await operation.function(cloud, origin, request, **await arguments(operation, request))
            return answer(operation, made)
        person = await person_of(cloud, request)
        if person is None:
            await limit(cloud, f"api:{origin}")
            raise NotLoggedIn(
                "this needs a login", cure="Send `Authorization: Bearer` with a token of your identity provider."
            )
        await limit(cloud, f"api:{person.user}")
        if request.method not in _SAFE:
            check_change(request, person, request.headers.get(CSRF_HEADER, ""))
        if operation.needs is Needs.LOGIN:
            made = await operation.function(cloud, person, request, **await arguments(operation, request))
            return answer(operation, made)
        caller = await cloud.people.caller(person, request.match_info["tenant"], origin)
        caller.must(operation.needs)
        return answer(operation, await operation.function(cloud, caller, request, **await arguments(operation, request)))

    return handle


async def person_of(cloud: Cloud, request: web.Request) -> Person | None:
    """Return who asks: by a token, else by the cookie. NotLoggedIn where a token is wrong."""
    kind, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    if kind:
        if kind.lower() != "bearer" or not token.strip():
            raise NotLoggedIn("Authorization must be `Bearer TOKEN`", cure="Send a token of your identity provider.")
        return await cloud.logins.bearer(token.strip())
    cookie = request.cookies.get(cookie_name(cloud))
    return await cloud.logins.session(cookie) if cookie else None


def cookie_name(cloud: Cloud) -> str:
    """Return what the session's cookie is called."""
    return COOKIE if cloud.settings.web.public_url.startswith("https://") else PLAIN_COOKIE


def check_change(request: web.Request, person: Person, given: str) -> None:
    """NotAllowed where a change may have been sent by another site. Tokens need none of it: browsers never add them themselves."""
    if not person.csrf:
        return
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise NotAllowed("this was sent from another site", cure="Open the console itself and try again.")
    if not hmac.compare_digest(given.encode(), person.csrf.encode()):
        raise NotAllowed("this form is from an older login", cure="Load the page again and repeat what you did.")


async def limit(cloud: Cloud, key: str) -> None:
    """TooManyRequests where somebody asks too much."""
    rate = Rate(cloud.settings.limits.api_per_s, cloud.settings.limits.api_per_s * _BURST)
    if wait_s := await cloud.ephemeral.wait_s(key, rate):
        raise TooManyRequests("too many requests", wait_s=wait_s, cure="Wait as Retry-After says.")
