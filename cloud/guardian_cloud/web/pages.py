"""The console's pages. A view asks a service, and chooses what is shown."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web

from guardian_cloud.api.app import check_change, limit, person_of
from guardian_cloud.api.fleet import asked, home_of, shown
from guardian_cloud.model.errors import BadRequest, CloudError, NotLoggedIn
from guardian_cloud.model.roles import May, Role, allows, may_invite
from guardian_cloud.services.caller import Caller, Person, network_of
from guardian_cloud.services.cloud import Cloud
from guardian_cloud.web.phone import PhonePages
from guardian_cloud.web.render import Renderer, reading, sentence

PAGE: Final = 100
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Pages:
    """Views of people who have logged in."""

    def __init__(self, cloud: Cloud, render: Renderer) -> None:
        self._cloud, self._render = cloud, render

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        home = "/t/{tenant}"
        return [
            web.get("/", self._person(self.start)),
            web.get("/homes", self._person(self.homes)),
            web.post("/homes", self._person(self.make_home)),
            web.get("/join", self._person(self.join)),
            web.post("/join", self._person(self.accept)),
            web.get(home, self._member(May.SEE_FLEET, self.fleet)),
            web.post(f"{home}/codes", self._member(May.CHANGE_FLEET, self.make_code)),
            web.post(f"{home}/ask", self._member(May.ASK_EDGE, self.ask)),
            web.post(f"{home}/devices/{{device}}/deny", self._member(May.CHANGE_FLEET, self.deny)),
            web.get(f"{home}/members", self._member(May.SEE_MEMBERS, self.members)),
            web.post(f"{home}/members/{{user}}", self._member(May.CHANGE_MEMBERS, self.change_member)),
            web.post(f"{home}/mail", self._member(May.SUBSCRIBE, self.set_mail)),
            *PhonePages(self._cloud, self._render).routes(home, self._member),
            web.post(f"{home}/invitations", self._member(May.INVITE, self.invite)),
            web.post(f"{home}/invitations/{{selector}}/take-back", self._member(May.INVITE, self.take_back)),
            web.get(f"{home}/audit", self._member(May.SEE_AUDIT, self.audit)),
        ]

    def _person(self, view: Callable[[web.Request, Person], Awaitable[web.StreamResponse]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await view(request, await self._who(request))

        return handle

    def _member(self, needs: May, view: Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            person = await self._who(request)
            caller = await self._cloud.people.caller(person, request.match_info["tenant"], network_of(request.remote))
            caller.must(needs)
            return await view(request, caller)

        return handle

    async def _who(self, request: web.Request) -> Person:
        person = await person_of(self._cloud, request)
        if person is None:
            raise NotLoggedIn("this needs a login", cure="Log in.")
        await limit(self._cloud, f"api:{person.user}")
        if request.method == "POST":
            check_change(request, person, str((await request.post()).get("csrf", "")))
        return person

    # homes

    async def start(self, _: web.Request, who: Person) -> web.StreamResponse:
        """Go to one's only home, or to choose one."""
        homes = await self._cloud.people.memberships(who.user)
        return _to(f"/t/{homes[0].tenant}" if len(homes) == 1 else "/homes")

    async def homes(self, request: web.Request, who: Person, problem: str = "") -> web.StreamResponse:
        """One's homes."""
        found = await self._cloud.people.memberships(who.user)
        sign_up = self._cloud.settings.web.open_sign_up
        return await self._render.page(request, "homes.html", who, homes=found, open_sign_up=sign_up, problem=problem)

    async def make_home(self, request: web.Request, who: Person) -> web.StreamResponse:
        """Make a home."""
        name = (await _form(request)).get("name", "").strip()
        if not self._cloud.settings.web.open_sign_up or not 0 < len(name) <= 80 or not name.isprintable():
            return await self.homes(
                request, who, "Homes have a name of 1 to 80 letters, and are made where that is allowed."
            )
        tenant, _ = await self._cloud.people.make_tenant(name, who, network_of(request.remote))
        return _to(f"/t/{tenant}")

    async def join(self, request: web.Request, who: Person, problem: str = "") -> web.StreamResponse:
        """Where invitations lead."""
        return await self._render.page(request, "join.html", who, problem=problem)

    async def accept(self, request: web.Request, who: Person) -> web.StreamResponse:
        """Use an invitation."""
        try:
            word = (await _form(request)).get("word", "").strip()
            tenant = await self._cloud.people.accept(who, word.rpartition("#")[2], network_of(request.remote))
        except CloudError as error:
            return await self.join(request, who, _words(error))
        return _to(f"/t/{tenant}")

    # fleet

    async def fleet(self, request: web.Request, who: Caller, **more: Any) -> web.StreamResponse:
        """Relays and edges."""
        devices = []
        for one in await self._cloud.fleet.devices(who):
            seen = shown(one, await self._cloud.homes.statements(who, home_of(one)))
            readings = [
                (where.capitalize(), *reading(name, value))
                for where, found in seen.readings.items()
                for name, value in sorted(found.items())
            ]
            devices.append(
                {
                    "id": one.id,
                    "role": one.role,
                    "name": one.name,
                    "state": seen.state,
                    "edge_connected": seen.edge_connected,
                    "version": one.version,
                    "seen_us": one.seen_us,
                    "expires_us": one.expires_us,
                    "cameras": seen.cameras,
                    "readings": readings,
                    "home": seen.home,
                    "edge_version": seen.edge_version,
                    "plugins": seen.plugins,
                    "other_plugins": seen.other_plugins,
                    "statements": seen.statements,
                }
            )
        commands = await self._cloud.fleet.commands(who) if allows(who.role, May.ASK_EDGE) else []
        values = {
            "code": "",
            "block": "devices",
            "commands": [asked(one, self._cloud) for one in commands[:10]],
            "my_mail": await self._cloud.people.wants_mail(who),
            **more,
        }
        return await self._render.page(request, "fleet.html", who, devices=devices, **values)

    async def ask(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Ask a home for what changes nothing, or carry what it has signed."""
        form = await _form(request)
        device, message = form.get("device", ""), "".join(form.get("message", "").split())
        try:
            if message and not form.get("verb"):
                await self._cloud.fleet.ask(who, device, _bytes(message))
            else:
                await self._cloud.fleet.ask_free(who, device, form.get("verb", ""))
        except CloudError as error:
            return await self.fleet(request, who, problem=_words(error))
        return _to(f"/t/{who.tenant}")

    async def make_code(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Make an enrolment code, and show it."""
        form = await _form(request)
        name = form.get("name", "").strip()
        if not 0 < len(name) <= 80 or not name.isprintable():
            return await self.fleet(request, who, problem="A device has a name of 1 to 80 letters.")
        try:
            code, ends_us = await self._cloud.fleet.make_code(who, form.get("role", ""), name)
        except BadRequest as error:
            return await self.fleet(request, who, problem=_words(error))
        return await self.fleet(request, who, code=code, code_name=name, code_ends=ends_us)

    async def deny(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Put a device out."""
        await self._cloud.fleet.deny(who, request.match_info["device"])
        return _to(f"/t/{who.tenant}")

    # members

    async def members(self, request: web.Request, who: Caller, **more: Any) -> web.StreamResponse:
        """Who is in the home."""
        found = await self._cloud.people.members(who)
        invitations = await self._cloud.people.invitations(who) if allows(who.role, May.INVITE) else []
        values = {
            "link": "",
            "members": found,
            "invitations": invitations,
            "roles": list(Role),
            "invitable": [role for role in Role if may_invite(who.role, role)],
            **more,
        }
        return await self._render.page(request, "members.html", who, **values)

    async def change_member(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Change a member's role, or put them out."""
        form, user = await _form(request), request.match_info["user"]
        try:
            if form.get("do") == "remove":
                await self._cloud.people.remove(who, user)
            else:
                await self._cloud.people.set_role(who, user, _role(form))
        except CloudError as error:
            return await self.members(request, who, problem=_words(error))
        return _to("/homes" if user == who.user and form.get("do") == "remove" else f"/t/{who.tenant}/members")

    async def set_mail(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Say whether one wants mail."""
        await self._cloud.people.set_mail(who, (await _form(request)).get("mail") == "yes")
        return _to(f"/t/{who.tenant}")

    async def invite(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Make an invitation, and show it."""
        form = await _form(request)
        try:
            made = await self._cloud.people.invite(who, _role(form), form.get("note", "").strip()[:120])
        except CloudError as error:
            return await self.members(request, who, problem=_words(error))
        link = f"{self._cloud.settings.web.public_url}/join#{made.word}"
        return await self.members(request, who, link=link, link_ends=made.invitation.expires_us)

    async def take_back(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Take an invitation back."""
        await self._cloud.people.take_back(who, request.match_info["selector"])
        return _to(f"/t/{who.tenant}/members")

    # audit

    async def audit(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """The audit log."""
        given = request.query.get("before", "")
        before = int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None
        found = await self._cloud.audit.page(who, before, PAGE)
        names = {one.user: one.name or one.user for one in await self._cloud.people.members(who)}
        names |= {one.id: one.name for one in await self._cloud.fleet.devices(who)}
        return await self._render.page(
            request,
            "audit.html",
            who,
            entries=[one for one, _ in found],
            names=names,
            checked=await self._cloud.audit.check(who),
            next=found[-1][0].number if len(found) == PAGE else None,
        )


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise BadRequest(
            "this is no signed command", field="message", cure="Paste all that `guardian cloud sign` printed."
        ) from None


def _role(form: Mapping[str, str]) -> Role:
    try:
        return Role(form.get("role", ""))
    except ValueError:
        raise BadRequest("there is no such role", field="role", cure="owner, admin, viewer or guest.") from None


async def _form(request: web.Request) -> dict[str, str]:
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _words(error: CloudError) -> str:
    return f"{sentence(error.message)} {error.cure}"


def _to(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})
