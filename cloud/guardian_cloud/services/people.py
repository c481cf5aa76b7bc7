"""Tenants and the people in them: logging in, letting in, putting out."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final, TypedDict

from guardian.platform.clock import Clock, new_id
from guardian_cloud.index import audit, people
from guardian_cloud.index.engine import Store
from guardian_cloud.index.people import Invitation, Member, Membership
from guardian_cloud.model.errors import BadRequest, Conflict, NotAllowed, NotFound
from guardian_cloud.model.roles import May, Role, may_invite
from guardian_cloud.model.secret_word import SECRET_BYTES, SELECTOR_BYTES, Word, fits, read
from guardian_cloud.services.caller import Caller, Person, id_of

INVITATION: Final = "gci"
INVITATION_DAYS: Final = 7
_DAY_US: Final = 86_400_000_000
OPERATOR: Final = "operator"  # whoever may run the command line


@dataclass(frozen=True, slots=True)
class Invited:
    """A fresh invitation. The word is shown once."""

    word: str
    invitation: Invitation


class _By(TypedDict):
    at_us: int
    actor: str
    origin: str


class People:
    """The service."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def _now_us(self) -> int:
        return self._clock.now().utc_us

    async def user(self, issuer: str, subject: str) -> str:
        """Return the user whom a provider has vouched for; made when they come for the first time."""
        user = new_id(self._clock)
        async with self._store.person(user) as connection:
            found = await people.user_of(connection, issuer, subject)
        if found is not None:
            return found
        try:
            async with self._store.person(user) as connection:
                await people.add_user(connection, user, issuer, subject, self._now_us())
        except Conflict:  # two first logins at once: the other was quicker
            async with self._store.person(user) as connection:
                return await people.user_of(connection, issuer, subject) or user
        return user

    async def memberships(self, user: str) -> list[Membership]:
        """Return where somebody is a member."""
        async with self._store.person(user) as connection:
            tenants = await people.tenants_of(connection, user)
        found = []
        for tenant in sorted(tenants):
            async with self._store.look(tenant) as connection:
                if (one := await people.membership(connection, tenant, user)) is not None:
                    found.append(one)
        return found

    async def caller(self, person: Person, tenant: str, origin: str) -> Caller:
        """Return somebody as a member of a tenant. NotFound: also where there is such a tenant, and they are no member."""
        tenant = id_of(tenant, "home")
        async with self._store.look(tenant) as connection:
            found = await people.membership(connection, tenant, person.user)
        if found is None:
            raise _no_tenant()
        return Caller(person, tenant, found.tenant_name, found.role, origin)

    async def make_tenant(self, name: str, person: Person | None, origin: str) -> tuple[str, Invited | None]:
        """Make a tenant with a person as its owner; without one, with an invitation for its owner."""
        tenant, now_us = new_id(self._clock), self._now_us()
        invited = None
        async with self._store.tenant(tenant) as connection:
            await people.add_tenant(connection, tenant, name, now_us)
            actor = person.user if person is not None else OPERATOR
            await audit.append(
                connection, tenant, at_us=now_us, actor=actor, action="tenant.made", thing=tenant, origin=origin
            )
            if person is not None:
                member = Member(person.user, Role.OWNER, person.name, person.email, False, now_us)
                await people.add_member(connection, tenant, person.user, member)
            else:
                invited = self._invited(tenant, Role.OWNER, "owner")
                await people.add_invitation(connection, tenant, invited.invitation, None)
        return tenant, invited

    async def rename_tenant(self, caller: Caller, name: str) -> None:
        """Give the tenant another name."""
        caller.must(May.CHANGE_TENANT)
        async with self._store.tenant(caller.tenant) as connection:
            await people.rename_tenant(connection, caller.tenant, name)
            await audit.append(connection, caller.tenant, **self._by(caller), action="tenant.renamed", thing=caller.tenant)

    # members

    async def members(self, caller: Caller) -> list[Member]:
        """Return who is in the tenant."""
        caller.must(May.SEE_MEMBERS)
        async with self._store.look(caller.tenant) as connection:
            return await people.all_members(connection, caller.tenant)

    async def set_role(self, caller: Caller, user: str, role: Role) -> None:
        """Change a member's role. Conflict where no owner would be left."""
        caller.must(May.CHANGE_MEMBERS)
        user = id_of(user, "member")
        async with self._store.tenant(caller.tenant) as connection:
            await audit.append(
                connection, caller.tenant, **self._by(caller), action=f"member.made_{role}", thing=user
            )  # before we count: it locks the tenant, so that two owners cannot each unmake the other
            if not await people.set_role(connection, caller.tenant, user, role):
                raise _no_member()
            if await people.owners(connection, caller.tenant) == 0:
                raise _last_owner()

    async def remove(self, caller: Caller, user: str) -> None:
        """Put a member out; anybody may leave. Conflict where no owner would be left."""
        user = id_of(user, "member")
        if user != caller.user:
            caller.must(May.CHANGE_MEMBERS)
        user = id_of(user, "member")
        async with self._store.tenant(caller.tenant) as connection:
            await audit.append(connection, caller.tenant, **self._by(caller), action="member.removed", thing=user)
            if not await people.remove_member(connection, caller.tenant, user):
                raise _no_member()
            if await people.owners(connection, caller.tenant) == 0:
                raise _last_owner()

    async def set_mail(self, caller: Caller, mail: bool) -> None:
        """Say whether the caller wants mail when something happened."""
        caller.must(May.SUBSCRIBE)
        async with self._store.tenant(caller.tenant) as connection:
            await people.set_mail(connection, caller.tenant, caller.user, mail)

    async def wants_mail(self, caller: Caller) -> bool:
        """Whether the caller gets mail."""
        async with self._store.look(caller.tenant) as connection:
            return any(one.mail for one in await people.all_members(connection, caller.tenant) if one.user == caller.user)

    # invitations

    async def invite(self, caller: Caller, role: Role, note: str) -> Invited:
        """Make an invitation. Its word is never to be seen again."""
        caller.must(May.INVITE)
        if not may_invite(caller.role, role):
            raise NotAllowed(f"a {caller.role} may not invite an {role}", cure="Ask an owner.")
        invited = self._invited(caller.tenant, role, note)
        async with self._store.tenant(caller.tenant) as connection:
            await people.add_invitation(connection, caller.tenant, invited.invitation, caller.user)
            await audit.append(
                connection,
                caller.tenant,
                **self._by(caller),
                action=f"invitation.made_{role}",
                thing=invited.invitation.selector.hex(),
            )
        return invited

    async def invitations(self, caller: Caller) -> list[Invitation]:
        """Return open invitations."""
        caller.must(May.INVITE)
        async with self._store.look(caller.tenant) as connection:
            return await people.open_invitations(connection, caller.tenant, self._now_us())

    async def take_back(self, caller: Caller, selector: str) -> None:
        """Take an invitation back."""
        caller.must(May.INVITE)
        try:
            raw = bytes.fromhex(selector)
        except ValueError:
            raise NotFound("there is no such invitation", cure="Look at the list.") from None
        async with self._store.tenant(caller.tenant) as connection:
            if not await people.drop_invitation(connection, caller.tenant, raw):
                raise NotFound("there is no such invitation", cure="It may have been used: look at the members.")
            await audit.append(connection, caller.tenant, **self._by(caller), action="invitation.taken_back", thing=selector)

    async def accept(self, person: Person, text: str, origin: str) -> str:
        """Use an invitation; return the tenant. BadRequest tells not whether it is unknown, used or ended."""
        word = read(text, INVITATION)
        if word is None:
            raise _no_invitation()
        now_us = self._now_us()
        async with self._store.tenant(word.tenant) as connection:
            found = await people.invitation(connection, word.tenant, word.selector)
            if not fits(word, found.digest if found is not None else None) or found is None:
                raise _no_invitation()
            if await people.membership(connection, word.tenant, person.user) is not None:
                raise Conflict("you are a member already", cure="Keep the invitation for somebody else.")
            if not await people.use_invitation(connection, word.tenant, word.selector, now_us):
                raise _no_invitation()
            member = Member(person.user, found.role, person.name, person.email, False, now_us)
            await people.add_member(connection, word.tenant, person.user, member)
            await audit.append(
                connection,
                word.tenant,
                at_us=now_us,
                actor=person.user,
                action=f"member.joined_as_{found.role}",
                thing=word.selector.hex(),
                origin=origin,
            )
        return word.tenant

    def _invited(self, tenant: str, role: Role, note: str) -> Invited:
        word, now_us = Word(tenant, os.urandom(SELECTOR_BYTES), os.urandom(SECRET_BYTES)), self._now_us()
        ends_us = now_us + INVITATION_DAYS * _DAY_US
        return Invited(word.text(INVITATION), Invitation(word.selector, word.digest, role, note, now_us, ends_us, None))

    def _by(self, caller: Caller) -> _By:
        return {"at_us": self._now_us(), "actor": caller.user, "origin": caller.origin}


def _no_tenant() -> NotFound:
    return NotFound("there is no such home, or you are no member of it", cure="GET /api/v1/me lists yours.")


def _no_member() -> NotFound:
    return NotFound("there is no such member", cure="Look at the list of members.")


def _last_owner() -> Conflict:
    return Conflict("a home needs an owner", cure="Make somebody else an owner first.")


def _no_invitation() -> BadRequest:
    return BadRequest("this invitation does not open", field="word", cure="Ask for a new one: each works once, for a week.")
