"""Settings of the remote detector."""

from __future__ import annotations

import ipaddress
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from guardian.sdk import PluginConfig

SCHEMES = {"http": 80, "https": 443, "grpc": 8434, "grpcs": 8434}


class RemoteDetectorConfig(PluginConfig):
    """Where the other machine is, and how to be let in."""

    url: str = Field("", description="https://HOST:PORT or grpcs://HOST:PORT of `guardian infer serve`; empty: not used.")
    token: str = Field("", repr=False, description="The token of its --token-file; as file:/path or env:NAME.")
    ca_file: str = Field("", description="Certificate, PEM, by which the other machine is known; empty: the system's.")
    deadline_s: float = Field(
        2.0, gt=0, le=8, description="Seconds until an answer is given up. A camera waits for none longer than 10 s."
    )
    requests: int = Field(2, ge=1, le=16, description="Requests under way at once.")

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not self.url:
            return self
        parts = urlsplit(self.url)
        if parts.scheme not in SCHEMES or not parts.hostname or parts.username or parts.path.strip("/") or parts.query:
            raise ValueError("url: give https://HOST:PORT or grpcs://HOST:PORT, without user, path or query")
        if parts.scheme in ("http", "grpc") and not _is_loopback(parts.hostname):
            raise ValueError(f"url: pictures would travel to {parts.hostname} in the clear; use {parts.scheme}s://")
        if not self.token:
            raise ValueError("token: give the token of the other machine's --token-file, as file:/path")
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or SCHEMES[parts.scheme]

    @property
    def scheme(self) -> str:
        """How to speak."""
        return urlsplit(self.url).scheme


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
