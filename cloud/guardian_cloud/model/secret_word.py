"""One-time words: invitations, enrolment codes. A word is `kind_` and URL-safe base64 of tenant (16 bytes), selector (8) and secret (32).

The tenant leads to the right rows, the selector to one of them, and the secret is compared in constant time with the SHA-256 that is
kept. Nothing here knows a clock or a store.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid
from dataclasses import dataclass

SECRET_BYTES = 32  # as the code in the protocol; 2^256 leaves nothing to slow hashing
SELECTOR_BYTES = 8
_NOBODY = bytes(32)


@dataclass(frozen=True, slots=True)
class Word:
    """A word, taken apart."""

    tenant: str
    selector: bytes
    secret: bytes

    @property
    def digest(self) -> bytes:
        """What is kept of the secret."""
        return hashlib.sha256(self.secret).digest()

    def text(self, kind: str) -> str:
        """Return the word as people copy it."""
        raw = uuid.UUID(self.tenant).bytes + self.selector + self.secret
        return f"{kind}_{base64.urlsafe_b64encode(raw).decode().rstrip('=')}"

    def __repr__(self) -> str:
        return "Word(…)"


def read(text: str, kind: str) -> Word | None:
    """Take a word apart; None where it is none."""
    head, _, tail = text.strip().partition("_")
    if head != kind or len(tail) != 75:
        return None
    try:
        raw = base64.b64decode(tail + "=", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    return Word(str(uuid.UUID(bytes=raw[:16])), raw[16:24], raw[24:])


def fits(word: Word, digest: bytes | None) -> bool:
    """Compare with what was kept, in the same time whether there is such a row or not."""
    return hmac.compare_digest(word.digest, digest if digest is not None else _NOBODY) and digest is not None
