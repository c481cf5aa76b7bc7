"""Operations about people and homes."""

from __future__ import annotations

from aiohttp import web

from guardian_cloud.api.routing import TENANT, Needs, Operations
from guardian_cloud.api.schemas import (
    InvitationIn,
    InvitationMade,
    InvitationOut,
    Invitations,
    MailIn,
    Me,
    MemberOut,
    Members,
    MembershipOut,
    RoleIn,
    TenantIn,
    TenantOut,
    WordIn,
    sure_moment,
)
from guardian_cloud.index.people import Invitation
from guardian_cloud.model.errors import NotAllowed
from guardian_cloud.model.roles import May, Role
from guardian_cloud.services.caller import Caller, Person, network_of
from guardian_cloud.services.cloud import Cloud

operations = Operations("people")


@operations.add("GET", "/me", Needs.LOGIN)
async def get_me(cloud: Cloud, who: Person, _: web.Request) -> Me:
    """Who you are, and your homes."""
    found = await cloud.people.memberships(who.user)
    homes = [MembershipOut(tenant=one.tenant, name=one.tenant_name, role=one.role) for one in found]
    return Me(user=who.user, name=who.name, memberships=homes)


@operations.add("POST", "/tenants", Needs.LOGIN, status=201)
async def make_tenant(cloud: Cloud, who: Person, request: web.Request, body: TenantIn) -> TenantOut:
    """Make a home, with you as its owner."""
    if not cloud.settings.web.open_sign_up:
        raise NotAllowed("homes are made by the operator here", cure="Ask for an invitation.")
    tenant, _ = await cloud.people.make_tenant(body.name, who, network_of(request.remote))
    return TenantOut(tenant=tenant, name=body.name, role=Role.OWNER)


@operations.add("POST", "/invitations/accepted", Needs.LOGIN, status=201)
async def accept_invitation(cloud: Cloud, who: Person, request: web.Request, body: WordIn) -> TenantOut:
    """Use an invitation."""
    tenant = await cloud.people.accept(who, body.word, network_of(request.remote))
    caller = await cloud.people.caller(who, tenant, "")
    return TenantOut(tenant=tenant, name=caller.tenant_name, role=caller.role)


@operations.add("GET", TENANT, May.SEE_TENANT)
async def get_tenant(cloud: Cloud, who: Caller, _: web.Request) -> TenantOut:
    """A home."""
    return TenantOut(tenant=who.tenant, name=who.tenant_name, role=who.role)


@operations.add("PATCH", TENANT, May.CHANGE_TENANT)
async def rename_tenant(cloud: Cloud, who: Caller, _: web.Request, body: TenantIn) -> TenantOut:
    """Give a home another name."""
    await cloud.people.rename_tenant(who, body.name)
    return TenantOut(tenant=who.tenant, name=body.name, role=who.role)


@operations.add("GET", f"{TENANT}/members", May.SEE_MEMBERS)
async def list_members(cloud: Cloud, who: Caller, _: web.Request) -> Members:
    """Who is in a home."""
    items = [
        MemberOut(user=one.user, role=one.role, name=one.name, email=one.email, joined=sure_moment(one.joined_us))
        for one in await cloud.people.members(who)
    ]
    return Members(items=items)


@operations.add("PATCH", f"{TENANT}/members/{{user}}", May.CHANGE_MEMBERS, status=204)
async def set_role(cloud: Cloud, who: Caller, request: web.Request, body: RoleIn) -> web.Response:
    """Change a member's role."""
    await cloud.people.set_role(who, request.match_info["user"], body.role)
    return web.Response(status=204)


@operations.add("DELETE", f"{TENANT}/members/{{user}}", May.CHANGE_MEMBERS, status=204)
async def remove_member(cloud: Cloud, who: Caller, request: web.Request) -> web.Response:
    """Put a member out."""
    await cloud.people.remove(who, request.match_info["user"])
    return web.Response(status=204)


@operations.add("DELETE", f"{TENANT}/me", May.SEE_TENANT, status=204)
async def leave_tenant(cloud: Cloud, who: Caller, _: web.Request) -> web.Response:
    """Leave a home."""
    await cloud.people.remove(who, who.user)
    return web.Response(status=204)


@operations.add("PUT", f"{TENANT}/me/mail", May.SUBSCRIBE, status=204)
async def set_mail(cloud: Cloud, who: Caller, _: web.Request, body: MailIn) -> web.Response:
    """Say whether you want a mail, without content, when something happened."""
    await cloud.people.set_mail(who, body.mail)
    return web.Response(status=204)


@operations.add("GET", f"{TENANT}/invitations", May.INVITE)
async def list_invitations(cloud: Cloud, who: Caller, _: web.Request) -> Invitations:
    """Invitations that still open."""
    return Invitations(items=[_invitation(one) for one in await cloud.people.invitations(who)])


@operations.add("POST", f"{TENANT}/invitations", May.INVITE, status=201)
async def invite(cloud: Cloud, who: Caller, _: web.Request, body: InvitationIn) -> InvitationMade:
    """Invite somebody. The word is shown this once; it works once, for a week."""
    made = await cloud.people.invite(who, body.role, body.note)
    shown = _invitation(made.invitation)
    link = f"{cloud.settings.web.public_url}/join#{made.word}"  # behind #: browsers send it to nobody
    return InvitationMade(**shown.model_dump(), word=made.word, link=link)


@operations.add("DELETE", f"{TENANT}/invitations/{{invitation}}", May.INVITE, status=204)
async def take_back_invitation(cloud: Cloud, who: Caller, request: web.Request) -> web.Response:
    """Take an invitation back."""
    await cloud.people.take_back(who, request.match_info["invitation"])
    return web.Response(status=204)


def _invitation(one: Invitation) -> InvitationOut:
    return InvitationOut(invitation=one.selector.hex(), role=one.role, note=one.note, expires=sure_moment(one.expires_us))
