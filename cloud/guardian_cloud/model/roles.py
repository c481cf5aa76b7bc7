"""Who may do what in a tenant. What is not in this table nobody may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a member is in a tenant."""

    OWNER = "owner"
    ADMIN = "admin"
    VIEWER = "viewer"
    GUEST = "guest"


class May(StrEnum):
    """What can be allowed."""

    SEE_TENANT = "see_tenant"
    SEE_FLEET = "see_fleet"
    SEE_EVENTS = "see_events"
    SUBSCRIBE = "subscribe"  # one's own devices, one's own mail
    ASK_EDGE = "ask_edge"  # send a command: the edge decides whether to obey
    CHANGE_FLEET = "change_fleet"  # enrol, deny
    SEE_MEMBERS = "see_members"
    INVITE = "invite"
    CHANGE_MEMBERS = "change_members"
    SEE_AUDIT = "see_audit"
    CHANGE_TENANT = "change_tenant"


_GUEST = frozenset({May.SEE_TENANT, May.SEE_FLEET})
_VIEWER = _GUEST | {May.SEE_EVENTS, May.SUBSCRIBE, May.ASK_EDGE}
_ADMIN = _VIEWER | {May.CHANGE_FLEET, May.SEE_MEMBERS, May.INVITE, May.SEE_AUDIT}
_OWNER = _ADMIN | {May.CHANGE_MEMBERS, May.CHANGE_TENANT}
ALLOWED: dict[Role, frozenset[May]] = {
    Role.GUEST: _GUEST,
    Role.VIEWER: frozenset(_VIEWER),
    Role.ADMIN: frozenset(_ADMIN),
    Role.OWNER: frozenset(_OWNER),
}
# Whom one may invite: an admin makes no owner.
INVITES: dict[Role, frozenset[Role]] = {
    Role.OWNER: frozenset(Role),
    Role.ADMIN: frozenset({Role.ADMIN, Role.VIEWER, Role.GUEST}),
}


def allows(role: Role, what: May) -> bool:
    """Say whether a role may do something."""
    return what in ALLOWED.get(role, frozenset())


def may_invite(role: Role, invited: Role) -> bool:
    """Say whether a role may let somebody in as another."""
    return invited in INVITES.get(role, frozenset())
