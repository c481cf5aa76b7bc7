"""Puts the site together: pages at /, the API at /api/v1, files at /static, and a health check."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from guardian_frontend import STATIC

from guardian_cloud.api.app import cookie_name, limit, person_of
from guardian_cloud.api.openapi import PREFIX
from guardian_cloud.api.problems import route_of
from guardian_cloud.model.errors import CloudError, NotLoggedIn
from guardian_cloud.services.caller import network_of
from guardian_cloud.services.cloud import Cloud
from guardian_cloud.web import security
from guardian_cloud.web.pages import Pages
from guardian_cloud.web.render import Renderer, sentence

_log = structlog.get_logger(__name__)
_YEAR_S: Final = 365 * 86_400
_MOST_FORM: Final = 16 * 1024


def make_web(cloud: Cloud, api: web.Application) -> web.Application:
    """Return the whole site."""
    render = Renderer()
    root = web.Application(middlewares=[_forwarded(cloud), _errors(render, api)], client_max_size=_MOST_FORM)
    root.on_response_prepare.append(_keep_static)
    root.on_response_prepare.append(security.set_headers)
    if security.is_secure(cloud):
        root.on_response_prepare.append(security.set_hsts)
    root.add_subapp(PREFIX, api)
    root.add_routes(_login_routes(cloud, render))
    root.add_routes(Pages(cloud, render).routes())
    root.router.add_get("/healthz", _healthz)
    root.router.add_get("/favicon.ico", _favicon)
    root.router.add_static("/static", STATIC)
    return root


def _forwarded(cloud: Cloud) -> Middleware:
    """Take a caller's address from the proxy's header, where the operator says that there is a proxy: its last entry is the proxy's own word."""

    @web.middleware
    async def read(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("X-Forwarded-For", "") if cloud.settings.web.trust_forwarded else ""
        return await handler(request.clone(remote=given.rpartition(",")[2].strip()) if given else request)

    return read


def _errors(render: Renderer, api: web.Application) -> Middleware:
    @web.middleware
    async def show(request: web.Request, handler: Handler) -> web.StreamResponse:
        if api in request.match_info.apps:
            return await handler(request)
        try:
            return await handler(request)
        except NotLoggedIn:
            return _to_login(request)
        except CloudError as error:
            return await _page(render, request, error.status, error.message, error.cure)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            return await _page(render, request, error.status, HTTPStatus(error.status).phrase, "")
        except ConnectionResetError:
            raise
        except Exception as error:  # noqa: BLE001 - the last resort: ours, and logged as such
            _log.error("page_bug", route=route_of(request), error=type(error).__name__, exc_info=error)
            return await _page(render, request, 500, "something went wrong here", "Try again.")

    return show


async def _page(render: Renderer, request: web.Request, status: int, message: str, cure: str) -> web.Response:
    return await render.page(request, "error.html", None, status=status, problem=sentence(message), cure=cure)


def _to_login(request: web.Request) -> web.Response:
    if request.headers.get("HX-Request") == "true":
        return web.Response(status=401, headers={"HX-Redirect": "/login"})
    wanted = request.path_qs if request.method == "GET" else "/"
    return web.Response(status=303, headers={"Location": "/login" if wanted == "/" else f"/login?next={quote(wanted)}"})


def _login_routes(cloud: Cloud, render: Renderer) -> list[web.RouteDef]:
    async def login(request: web.Request, problem: str = "") -> web.Response:
        then = security.safe_next(request.query.get("next", "/"))
        return await render.page(request, "login.html", None, then=then, problem=problem, status=400 if problem else 200)

    async def start(request: web.Request) -> web.Response:
        await limit(cloud, f"login:{network_of(request.remote)}")
        url, state = await cloud.logins.begin(security.safe_next(request.query.get("next", "/")))
        response = web.Response(status=303, headers={"Location": url})
        security.set_login(cloud, response, state)
        return response

    async def done(request: web.Request) -> web.Response:
        await limit(cloud, f"login:{network_of(request.remote)}")
        state, mine = request.query.get("state", ""), request.cookies.get(security.login_cookie(cloud), "")
        if not state or state != mine:
            return await login(request, "This login was begun in another browser, or took too long.")
        if "code" not in request.query:
            return await login(request, "The identity provider did not log you in.")
        try:
            session, then = await cloud.logins.end(state, request.query["code"])
        except NotLoggedIn as error:
            return await login(request, sentence(error.message))
        response = web.Response(status=303, headers={"Location": then})
        security.set_session(cloud, response, session.secret)
        response.del_cookie(security.login_cookie(cloud), path="/", secure=security.is_secure(cloud))
        return response

    async def logout(request: web.Request) -> web.Response:
        person = await person_of(cloud, request)
        form = await request.post()
        if person is not None and form.get("csrf") == person.csrf:
            await cloud.logins.close(request.cookies.get(cookie_name(cloud), ""))
        response = web.Response(status=303, headers={"Location": "/login"})
        security.drop_session(cloud, response)
        return response

    return [
        web.get("/login", login),
        web.get("/login/start", start),
        web.get("/login/done", done),
        web.post("/logout", logout),
    ]


async def _healthz(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def _favicon(_: web.Request) -> web.FileResponse:
    return web.FileResponse(STATIC / "img" / "logo.svg")


async def _keep_static(request: web.Request, response: web.StreamResponse) -> None:
    if request.path.startswith("/static/") and response.status in (200, 206, 304):
        rule = f"public, max-age={_YEAR_S}, immutable" if "v" in request.query else "no-cache"
        response.headers["Cache-Control"] = rule
