"""Tells the owner by an HTTP POST of JSON to an address of their choice."""

from collections.abc import Sequence

from guardian.sdk import NotifierKind, Plugin, hookimpl
from guardian_webhook.config import WebhookConfig


class WebhookPlugin(Plugin):
    """Brings the notifier kind `webhook`."""

    @hookimpl
    def register_notifiers(self) -> Sequence[NotifierKind]:
        from guardian_webhook.notifier import make

        return [NotifierKind("webhook", "Webhook (HTTP POST)", WebhookConfig, make)]
