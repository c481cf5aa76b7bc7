"""All services together: what API, pages and control are given."""

from __future__ import annotations

from dataclasses import dataclass

from guardian.platform.clock import Clock
from guardian_cloud.ephemeral.contract import Ephemeral
from guardian_cloud.services.audit import Audit
from guardian_cloud.services.fleet import Fleet
from guardian_cloud.services.happenings import Happenings
from guardian_cloud.services.homes import Homes
from guardian_cloud.services.logins import Logins
from guardian_cloud.services.news import News
from guardian_cloud.services.people import People
from guardian_cloud.services.subscriptions import Subscriptions
from guardian_cloud.settings.schema import Settings


@dataclass(frozen=True, slots=True)
class Cloud:
    """The services of one process."""

    settings: Settings
    clock: Clock
    ephemeral: Ephemeral
    people: People
    logins: Logins
    fleet: Fleet
    homes: Homes
    happenings: Happenings
    news: News
    subscriptions: Subscriptions
    audit: Audit
    control_address: str  # host:port that relays are told
