"""Who asks, in which tenant, as what, and from where."""

from __future__ import annotations

import ipaddress
import uuid
from dataclasses import dataclass

from guardian_cloud.model.errors import NotAllowed, NotFound
from guardian_cloud.model.roles import May, Role, allows


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who has logged in. `csrf` is empty for programs: browsers never add their tokens by themselves."""

    user: str
    name: str
    email: str
    csrf: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A member of a tenant who asks for something."""

    person: Person
    tenant: str
    tenant_name: str
    role: Role
    origin: str

    @property
    def user(self) -> str:
        """Their id."""
        return self.person.user

    def must(self, what: May) -> None:
        """NotAllowed where their role may not."""
        if not allows(self.role, what):
            raise NotAllowed(f"a {self.role} may not do this", cure="Ask an owner of this home for another role.")


def network_of(address: str | None) -> str:
    """Return the network of an address, as the audit log keeps it: 24 bits of IPv4, 48 of IPv6."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False))


def id_of(text: str, what: str) -> str:
    """Return an id in its canonical form; NotFound where it can be none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise NotFound(f"there is no such {what}", cure="Look at the list.") from None
