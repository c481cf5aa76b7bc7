"""The session between a viewer's browser and the edge (docs/protocol.md#viewing-from-afar). Bytes in, bytes out.

Whoever carries the frames learns their sizes and nothing else, and can end the session and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from guardian.model.errors import BadRequest, Damaged, NotAllowed
from guardian.vault import hpke
from guardian.vault.viewing import ViewingKey

REFUSAL, HELLO, WELCOME, VERSION = 0, 1, 2, 1
NOT_KNOWN, TOO_MANY, TOO_BUSY = 1, 2, 3  # why a refusal
KEY = 32
HELLO_BYTES = 2 + KEY + 32
CHALLENGE_INFO = b"private-ai-guardian viewer v1 challenge\x00"
_LABEL = b"guardian viewer v1 "
PROOF = _LABEL + b"proof\x00"
MOST_HEAD = 64 * 1024


def derived(secret: bytes, what: bytes, length: int = KEY, salt: bytes | None = None) -> bytes:
    """Return HKDF-SHA-256 for one use."""
    return HKDF(SHA256(), length, salt, _LABEL + what + b"\x00").derive(secret)


def transcript(what: bytes, *frames: bytes) -> bytes:
    """Return the hash of what was said so far."""
    return hashlib.sha256(_LABEL + what + b"\x00" + b"".join(frames)).digest()


def hello_tag(secret: bytes, begin: bytes) -> bytes:
    """Return what shows that a hello comes from somebody with the viewing key."""
    return hmac.digest(derived(secret, b"hello"), begin, "sha256")


def is_hello(frame: bytes) -> bool:
    """Whether a first frame has the form of one."""
    return len(frame) == HELLO_BYTES and frame[:2] == bytes([HELLO, VERSION])


def is_hello_of(secret: bytes, frame: bytes) -> bool:
    """Whether a first frame comes from somebody with that viewing key."""
    return hmac.compare_digest(hello_tag(secret, frame[: 2 + KEY]), frame[2 + KEY :]) and is_hello(frame)


def refusal(why: int) -> bytes:
    """A frame that says no."""
    return bytes([REFUSAL, why])


class Channel:
    """Messages after the handshake. Each way has its key, and counts: a frame that is repeated, left out, swapped or changed
    does not open, and the session is over.
    """

    def __init__(self, sends: bytes, takes: bytes) -> None:
        self._sends, self._takes = AESGCM(sends), AESGCM(takes)
        self._sent = self._taken = 0

    def seal(self, message: bytes) -> bytes:
        """Return the next frame."""
        nonce = self._sent.to_bytes(12, "big")
        self._sent += 1
        return self._sends.encrypt(nonce, message, None)

    def open(self, frame: bytes) -> bytes:
        """Return the next message; Damaged."""
        try:
            message = self._takes.decrypt(self._taken.to_bytes(12, "big"), frame, None)
        except InvalidTag:
            raise Damaged("a frame of the session was changed, repeated or left out") from None
        self._taken += 1
        return message


def session_keys(shared: bytes, secret: bytes, challenge: bytes, said: bytes) -> tuple[bytes, bytes]:
    """Return the keys of a session: towards the edge, towards the viewer."""
    wide = derived(shared + secret + challenge, b"session", 2 * KEY, said)
    return wide[:KEY], wide[KEY:]


class EdgeHandshake:
    """The edge's end: `hello` takes the first frame and returns the answer, `proof` the second and returns the channel."""

    def __init__(self, key: ViewingKey, vault: bytes, epoch: int, public: bytes) -> None:
        self._key, self._vault, self._epoch, self._public = key, vault, epoch, public
        self._shared = self._said = self._challenge = b""

    def hello(self, frame: bytes) -> bytes:
        """Return the welcome. NotAllowed where the hello is not of somebody with the viewing key."""
        if not is_hello_of(self._key.secret, frame):
            raise NotAllowed("this viewing key is not known here", cure="Take the newest one of this home.")
        own = X25519PrivateKey.generate()
        try:
            self._shared = own.exchange(X25519PublicKey.from_public_bytes(frame[2 : 2 + KEY]))
        except ValueError as error:  # a point of small order
            raise NotAllowed("the viewer's key is none") from error
        answer = bytes([WELCOME]) + own.public_key().public_bytes_raw()
        said = transcript(b"welcome", frame, answer)
        sealed = AESGCM(derived(self._shared + self._key.secret, b"welcome", KEY, said)).encrypt(
            bytes(12), self._inner(said), said
        )
        self._said = transcript(b"session", frame, answer, sealed)
        return answer + sealed

    def _inner(self, said: bytes) -> bytes:
        self._challenge = os.urandom(KEY)
        wrapped = hpke.Wrapper(self._public, CHALLENGE_INFO).wrap(self._challenge, said)
        parts = {
            "edge": self._key.edge,
            "home_signature": self._key.signature,
            "signature": self._key.sign(_LABEL + b"edge\x00" + said),
            "challenge": wrapped,
        }
        value = {name: base64.b64encode(part).decode() for name, part in parts.items()}
        value |= {"created_us": self._key.created_us, "epoch": self._epoch, "vault": json.loads(self._vault)}  # type: ignore[dict-item]
        return json.dumps(value).encode()

    def proof(self, frame: bytes) -> Channel:
        """Return the open channel. NotAllowed where the challenge was not opened: the viewer could not open the vault."""
        takes, sends = session_keys(self._shared, self._key.secret, self._challenge, self._said)
        channel = Channel(sends, takes)
        try:
            right = hmac.compare_digest(channel.open(frame), PROOF)
        except Damaged:
            right = False
        if not right:
            raise NotAllowed("the viewer could not open the vault")
        return channel


def pack(head: dict[str, object], body: bytes = b"") -> bytes:
    """Return a message: the length of its head, the head as JSON, and bytes."""
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    return len(text).to_bytes(4, "big") + text + body


def unpack(message: bytes) -> tuple[dict[str, object], bytes]:
    """Return head and body; BadRequest."""
    size = int.from_bytes(message[:4], "big")
    if len(message) < 4 or size > MOST_HEAD or len(message) < 4 + size:
        raise BadRequest("the message has no head")
    try:
        head = json.loads(message[4 : 4 + size])
    except (ValueError, RecursionError):
        raise BadRequest("the message's head is no JSON") from None
    if not isinstance(head, dict):
        raise BadRequest("the message's head is no object")
    return head, message[4 + size :]
