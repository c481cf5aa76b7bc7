"""Settings of an RTSP camera."""

from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, field_validator

from guardian.sdk import PluginConfig

SPECIAL = "Has the password a special character? Then give it in source.password instead"


class RtspConfig(PluginConfig):
    """`url` may hold user and password; the fields of their own win."""

    url: str = Field(description="Address of the main stream, such as rtsp://192.0.2.7/stream1.", repr=False)
    sub_url: str = Field(
        "", description="Address of the smaller second stream, watched instead of the main one.", repr=False
    )
    username: str = Field("", description="User of the camera.")
    password: str = Field("", description="Password of the camera.", repr=False)
    transport: Literal["tcp", "udp"] = Field("tcp", description="tcp is reliable; udp only where the camera needs it.")
    timeout_s: float = Field(5.0, ge=1, le=60, description="Seconds without an answer or a packet before it is asked anew.")

    @field_validator("url", "sub_url")
    @classmethod
    def _is_rtsp(cls, url: str) -> str:
        if not url:
            return url
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError(f"is no URL; it should look like rtsp://192.0.2.7:554/stream1. {SPECIAL}") from error
        if "@" in parts.path + parts.query + parts.fragment:
            raise ValueError(f"has an @ behind its host. {SPECIAL}")
        if parts.scheme.lower() not in ("rtsp", "rtsps") or not host:
            raise ValueError("must begin with rtsp:// or rtsps:// and name a host, such as rtsp://192.0.2.7/stream1")
        return url

    @field_validator("url")
    @classmethod
    def _is_there(cls, url: str) -> str:
        if not url:
            raise ValueError("must not be empty")
        return url

    def address(self, stream: str) -> str:
        """Return the URL of a stream with its login, percent-encoded, as FFmpeg takes it."""
        parts = urlsplit(self.sub_url if stream == "sub" else self.url)
        if not self.username:
            return urlunsplit(parts)
        host = parts.netloc.rpartition("@")[2]
        login = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        return urlunsplit(parts._replace(netloc=f"{login}@{host}"))

    def public_address(self, stream: str) -> str:
        """Return the URL for messages: without its login and its query, where some cameras want the password."""
        parts = urlsplit(self.sub_url if stream == "sub" else self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment=""))
