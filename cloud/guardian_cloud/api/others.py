"""Operations about pushes and the audit log."""

from __future__ import annotations

import base64
import binascii

from aiohttp import web

from guardian_cloud.api.routing import TENANT, Needs, Operations
from guardian_cloud.api.schemas import (
    AuditChecked,
    AuditEntry,
    AuditPage,
    Page,
    PushKey,
    SubscriptionIn,
    SubscriptionMade,
    sure_moment,
)
from guardian_cloud.model.errors import BadRequest
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller
from guardian_cloud.services.cloud import Cloud

operations = Operations("others")


@operations.add("GET", "/push/key", Needs.NOTHING)
async def get_push_key(cloud: Cloud, who: str, _: web.Request) -> PushKey:
    """The key that browsers bind their push subscription to."""
    return PushKey(key=cloud.subscriptions.public_key)


@operations.add("POST", f"{TENANT}/subscriptions", May.SUBSCRIBE, status=201)
async def subscribe(cloud: Cloud, who: Caller, _: web.Request, body: SubscriptionIn) -> SubscriptionMade:
    """Push to this browser what homes seal for it. Of an earlier owner's it becomes yours."""
    keys = raw(body.p256dh, "p256dh"), raw(body.auth, "auth")
    return SubscriptionMade(
        subscription=await cloud.subscriptions.add(who, bytes.fromhex(body.member), body.endpoint, *keys)
    )


@operations.add("DELETE", f"{TENANT}/subscriptions/{{subscription}}", May.SUBSCRIBE, status=204)
async def unsubscribe(cloud: Cloud, who: Caller, request: web.Request) -> web.Response:
    """Push to a browser no more."""
    await cloud.subscriptions.remove(who, request.match_info["subscription"])
    return web.Response(status=204)


@operations.add("GET", f"{TENANT}/audit", May.SEE_AUDIT)
async def list_audit(cloud: Cloud, who: Caller, _: web.Request, query: Page) -> AuditPage:
    """The audit log, the newest first."""
    found = await cloud.audit.page(who, query.before, query.limit)
    items = [
        AuditEntry(
            number=one.number,
            at=sure_moment(one.at_us),
            actor=one.actor,
            action=one.action,
            object=one.object,
            origin=one.origin,
            digest=digest.hex(),
        )
        for one, digest in found
    ]
    return AuditPage(items=items, next=items[-1].number if len(items) == query.limit else None)


@operations.add("GET", f"{TENANT}/audit/check", May.SEE_AUDIT)
async def check_audit(cloud: Cloud, who: Caller, _: web.Request) -> AuditChecked:
    """Follow the chain of the whole log."""
    found = await cloud.audit.check(who)
    return AuditChecked(
        entries=found.entries, whole=found.first_break is None, first_break=found.first_break, head=found.head
    )


def raw(text: str, field: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise BadRequest(f"{field} is no URL-safe base64", field=field, cure="As the browser gives it.") from None
