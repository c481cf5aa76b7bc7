"""Records in STREAM form (Hoang, Reyhanitabar, Rogaway, Vizár 2015): one key a file, a counter and a last mark in each nonce.

nonce = prefix (7 random bytes) | counter (4 bytes) | last (1 byte). A key seals one file only, so nonces repeat neither
after a crash nor when a clock is set back. GCM does not commit to its key: a commitment stands in the header.
"""

from __future__ import annotations

import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from guardian.model.errors import Damaged
from guardian.vault.format import COMMITMENT_BYTES

KEY_BYTES = 32
_INFO = b"private-ai-guardian segment v1 records\x00"


def derive(segment_key: bytes, context: bytes) -> tuple[bytes, bytes]:
    """Return (record key, commitment), both bound to the header (`format.commitment_context`)."""
    wide = HKDFExpand(hashes.SHA256(), KEY_BYTES + COMMITMENT_BYTES, _INFO + context).derive(segment_key)
    return wide[:KEY_BYTES], wide[KEY_BYTES:]


def nonce(prefix: bytes, index: int, last: bool) -> bytes:
    """Return the nonce of a record."""
    return prefix + index.to_bytes(4, "big") + (b"\x01" if last else b"\x00")


class RecordCipher:
    """Seals and opens records of one file."""

    def __init__(self, record_key: bytes, prefix: bytes, header_digest: bytes) -> None:
        self._cipher, self._prefix, self._digest = AESGCM(record_key), prefix, header_digest

    def seal(self, plaintext: bytes, index: int, last: bool, head: bytes, into: memoryview) -> None:
        """Put ciphertext and tag into a buffer of just their size."""
        self._cipher.encrypt_into(nonce(self._prefix, index, last), plaintext, self._digest + head, into)

    def open(self, ciphertext: bytes, index: int, last: bool, head: bytes) -> bytes:
        """Return the plaintext; Damaged when anything about it was changed."""
        try:
            return self._cipher.decrypt(nonce(self._prefix, index, last), ciphertext, self._digest + head)
        except InvalidTag as error:
            raise Damaged(f"record {index} does not open: it was changed, moved, or cut") from error


def check_commitment(expected: bytes, found: bytes) -> None:
    """Damaged unless the header commits to this key."""
    if not hmac.compare_digest(expected, found):
        raise Damaged("the header does not commit to this key")
