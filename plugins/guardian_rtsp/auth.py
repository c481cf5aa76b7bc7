"""Logins of RTSP, which are those of HTTP: Basic (RFC 7617) and Digest (RFC 7616, with RFC 2069 for old cameras)."""

from __future__ import annotations

import base64
import hashlib
import os
import re

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_HASHES = {"": "md5", "MD5": "md5", "SHA-256": "sha256"}


class Login:
    """A user's answer to a camera's challenge."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._scheme = ""
        self._fields: dict[str, str] = {}
        self._count = 0

    def challenge(self, headers: list[str]) -> bool:
        """Take `WWW-Authenticate` headers; False when none can be answered. Digest is preferred."""
        for scheme in ("digest", "basic"):
            for header in headers:
                if header.lower().startswith(scheme):
                    fields = {k.lower(): a or b for k, a, b in _FIELD.findall(header[len(scheme) :])}
                    if scheme == "digest" and fields.get("algorithm", "").upper() not in _HASHES:
                        continue
                    self._scheme, self._fields, self._count = scheme, fields, 0
                    return bool(self._user)
        return False

    def header(self, method: str, url: str) -> str:
        """Return the value of `Authorization`, or nothing before a challenge."""
        if self._scheme == "basic":
            return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()
        return self._digest(method, url) if self._scheme == "digest" else ""

    def _digest(self, method: str, url: str) -> str:
        f = self._fields
        algorithm = f.get("algorithm", "").upper()

        def digest(text: str) -> str:
            return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()

        realm, nonce = f.get("realm", ""), f.get("nonce", "")
        secret, what = digest(f"{self._user}:{realm}:{self._password}"), digest(f"{method}:{url}")
        parts = [f'username="{self._user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{url}"']
        if "auth" in re.split(r"[\s,]+", f.get("qop", "")):
            self._count += 1
            count, own = f"{self._count:08x}", os.urandom(8).hex()
            answer = digest(f"{secret}:{nonce}:{count}:{own}:auth:{what}")
            parts += ["qop=auth", f"nc={count}", f'cnonce="{own}"']
        else:
            answer = digest(f"{secret}:{nonce}:{what}")
        parts.append(f'response="{answer}"')
        if algorithm:
            parts.append(f"algorithm={algorithm}")
        if "opaque" in f:
            parts.append(f'opaque="{f["opaque"]}"')
        return "Digest " + ", ".join(parts)
