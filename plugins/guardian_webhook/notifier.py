"""Delivers one notification. Sends no picture and no footage, only what happened and where to look."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import aiohttp
from pydantic import BaseModel

from guardian.sdk import BadSetting, Notification, Notifier, ServiceUnavailable, to_rfc3339
from guardian_webhook.config import WebhookConfig


def body_of(notification: Notification) -> bytes:
    """Return the JSON that is sent."""
    value: dict[str, Any] = {"title": notification.title, "body": notification.body, "url": notification.url}
    if (event := notification.event) is not None:
        value["event"] = {
            "id": event.id,
            "camera": event.camera,
            "label": event.label,
            "score": round(event.score, 3),
            "start": to_rfc3339(event.start_us),
            "end": to_rfc3339(event.end_us) if event.end_us is not None else None,
            "zones": list(event.zones),
            "happenings": [
                {"zone": one.zone, "what": one.what.value, "at": to_rfc3339(one.utc_us), "direction": one.direction or None}
                for one in event.happenings
            ],
            "sub_label": event.sub_label,
            "attributes": [{"name": one.name, "value": one.value, "score": round(one.score, 3)} for one in event.attributes],
            "verdict": event.verdict or None,
        }
    return json.dumps(value).encode()


class WebhookNotifier:
    """Posts to one address."""

    def __init__(self, config: WebhookConfig) -> None:
        self._config = config

    async def send(self, notification: Notification) -> None:
        """Deliver; ServiceUnavailable on network trouble, 429 and 5xx, BadSetting on any other refusal."""
        body = body_of(notification)
        headers = {"Content-Type": "application/json", "User-Agent": "guardian"}
        if self._config.secret:
            headers["X-Guardian-Signature"] = (
                "sha256=" + hmac.new(self._config.secret.encode(), body, hashlib.sha256).hexdigest()
            )
        timeout = aiohttp.ClientTimeout(total=self._config.timeout_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(str(self._config.url), data=body, headers=headers, allow_redirects=False) as answer,
            ):
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServiceUnavailable(
                f"webhook: {type(error).__name__}", cure="Is the address right and the receiver up?"
            ) from error
        if status == 429 or status >= 500:
            raise ServiceUnavailable(f"webhook: the receiver answered {status}")
        if status >= 300:
            raise BadSetting(
                f"webhook: the receiver answered {status}", cure="Check the webhook's url and secret.", field="url"
            )


def make(config: BaseModel) -> Notifier:
    """Make a notifier of validated settings."""
    assert isinstance(config, WebhookConfig)
    return WebhookNotifier(config)
