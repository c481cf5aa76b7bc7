"""Settings of one webhook."""

from pydantic import Field, HttpUrl

from guardian.sdk import PluginConfig


class WebhookConfig(PluginConfig):
    """`url` is called with POST; `secret`, when set, signs the body (HMAC-SHA256, header X-Guardian-Signature)."""

    url: HttpUrl = Field(description="Address to call.")
    secret: str = Field("", description="Shared secret that signs the body; empty: unsigned.", repr=False)
    timeout_s: float = Field(10.0, gt=0, le=60, description="Seconds to wait for an answer.")
