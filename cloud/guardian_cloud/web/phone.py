"""The page by which a member's phone comes to be pushed to. Two texts are carried between it and the phone's own page, which the cloud does
not serve: the phone's keys are made where no cloud could change the code.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import ValidationError

from guardian_cloud.api.others import raw
from guardian_cloud.api.schemas import SubscriptionIn
from guardian_cloud.model.errors import BadRequest, CloudError
from guardian_cloud.model.roles import May
from guardian_cloud.services.caller import Caller
from guardian_cloud.services.cloud import Cloud
from guardian_cloud.web.render import Renderer, sentence

TO_PHONE, FROM_PHONE = "guardian-cloud:", "guardian-push:"
MOST_TEXT: Final = 4000
View = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]


class PhonePages:
    """Views."""

    def __init__(self, cloud: Cloud, render: Renderer) -> None:
        self._cloud, self._render = cloud, render

    def routes(
        self, home: str, member: Callable[[May, View], Callable[[web.Request], Awaitable[web.StreamResponse]]]
    ) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get(f"{home}/phone", member(May.SUBSCRIBE, self.show)),
            web.post(f"{home}/phone", member(May.SUBSCRIBE, self.add)),
            web.post(f"{home}/phone/{{subscription}}/forget", member(May.SUBSCRIBE, self.forget)),
        ]

    async def show(self, request: web.Request, who: Caller, problem: str = "") -> web.StreamResponse:
        """What the phone asks for, where its answer goes, and which devices one has."""
        found = [
            {"id": one.id, "member": one.member, "made_us": one.made_us, "host": urlsplit(one.endpoint).hostname}
            for one in await self._cloud.subscriptions.mine(who)
        ]
        values: dict[str, Any] = {"cloud_text": self._to_phone(who), "mine": found, "done": "done" in request.query}
        return await self._render.page(request, "phone.html", who, problem=problem, **values)

    def _to_phone(self, who: Caller) -> str:
        key = self._cloud.subscriptions.public_key
        page = f"{self._cloud.settings.web.public_url}/t/{who.tenant}/phone"
        value = json.dumps({"key": key, "page": page}).encode()
        return TO_PHONE + base64.urlsafe_b64encode(value).decode().rstrip("=") if key else ""

    async def add(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Push to a device."""
        try:
            given = read_push(str((await request.post()).get("push", "")))
            keys = raw(given.p256dh, "p256dh"), raw(given.auth, "auth")
            await self._cloud.subscriptions.add(who, bytes.fromhex(given.member), given.endpoint, *keys)
        except CloudError as error:
            return await self.show(request, who, problem=f"{sentence(error.message)} {error.cure}")
        return web.Response(status=303, headers={"Location": f"/t/{who.tenant}/phone?done"})

    async def forget(self, request: web.Request, who: Caller) -> web.StreamResponse:
        """Push to it no more."""
        try:
            await self._cloud.subscriptions.remove(who, request.match_info["subscription"])
        except CloudError as error:
            return await self.show(request, who, problem=f"{sentence(error.message)} {error.cure}")
        return web.Response(status=303, headers={"Location": f"/t/{who.tenant}/phone"})


def read_push(text: str) -> SubscriptionIn:
    """Return what the phone's page says. BadRequest."""
    letters = "".join(text.split()).removeprefix(FROM_PHONE)
    try:
        if len(letters) > MOST_TEXT:
            raise ValueError("too long")
        value = json.loads(base64.b64decode(letters + "=" * (-len(letters) % 4), altchars=b"-_", validate=True))
        return SubscriptionIn.model_validate(value)
    except (ValueError, ValidationError) as error:
        raise BadRequest(
            "this is not what the phone shows", field="push", cure=f"Copy all of it, from {FROM_PHONE} on."
        ) from error
