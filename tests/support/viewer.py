"""A viewer's end of the session, written from docs/protocol.md alone: it uses no module of the program."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import unicodedata

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
L = b"guardian viewer v1 "


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def kdf(secret: bytes, what: bytes, length: int = 32, salt: bytes | None = None) -> bytes:
    return HKDF(SHA256(), length, salt, L + what + b"\0").derive(secret)


def read_key(text: str) -> tuple[bytes, bytes]:
    whole = base64.urlsafe_b64decode(text.removeprefix("guardian-view:") + "=" * 3)
    assert whole[0] == 1
    assert hashlib.sha256(whole[:-4]).digest()[:4] == whole[-4:]
    return whole[1:33], whole[33:65]


def private_key(vault: dict, number: int, passphrase: str) -> bytes:
    p = vault["kdf"]
    kek = Argon2id(salt=unb64(p["salt"]), length=32, iterations=p["time"], lanes=p["lanes"], memory_cost=p["memory_kib"])
    (one,) = [epoch for epoch in vault["epochs"] if epoch["number"] == number]
    place = number.to_bytes(4, "big") + unb64(one["public"])
    key = kek.derive(unicodedata.normalize("NFKC", passphrase).encode())
    if own := vault.get("viewer"):
        bound = b"private-ai-guardian vault v1 viewer\0" + unb64(own["public"])
        mine = pair(AESGCM(key).decrypt(unb64(own["nonce"]), unb64(own["wrapped"]), bound))
        return SUITE.decrypt(unb64(one["sealed"]), mine, b"private-ai-guardian vault v1 viewer epoch\0" + place)
    bound = b"private-ai-guardian vault v1 epoch\0" + place
    return AESGCM(key).decrypt(unb64(one["nonce"]), unb64(one["wrapped"]), bound)


def pair(private: bytes) -> hpke.MLKEM768X25519PrivateKey:
    parts = MLKEM768PrivateKey.from_seed_bytes(private[:64]), X25519PrivateKey.from_private_bytes(private[64:])
    return hpke.MLKEM768X25519PrivateKey(*parts)


class Viewer:
    """`hello()`, then `take(welcome)`, then `proof(passphrase)`, then `seal` and `open`."""

    def __init__(self, text: str) -> None:
        self.secret, self.home = read_key(text)
        self.own = X25519PrivateKey.generate()
        self.sent = self.taken = 0

    def hello(self) -> bytes:
        begin = b"\x01\x01" + self.own.public_key().public_bytes_raw()
        self.first = begin + hmac.digest(kdf(self.secret, b"hello"), begin, "sha256")
        return self.first

    def take(self, welcome: bytes) -> dict:
        assert welcome[0] == 2, welcome
        self.shared = self.own.exchange(X25519PublicKey.from_public_bytes(welcome[1:33]))
        said = hashlib.sha256(L + b"welcome\0" + self.first + welcome[:33]).digest()
        key = kdf(self.shared + self.secret, b"welcome", 32, said)
        self.inner = json.loads(AESGCM(key).decrypt(bytes(12), welcome[33:], said))
        edge, created = unb64(self.inner["edge"]), self.inner["created_us"].to_bytes(8, "big")
        words = b"guardian viewing v1\0" + edge + created
        Ed25519PublicKey.from_public_bytes(self.home).verify(unb64(self.inner["home_signature"]), words)
        Ed25519PublicKey.from_public_bytes(edge).verify(unb64(self.inner["signature"]), L + b"edge\0" + said)
        self.said, self.session = said, hashlib.sha256(L + b"session\0" + self.first + welcome).digest()
        return self.inner

    def proof(self, passphrase: str) -> bytes:
        private = private_key(self.inner["vault"], self.inner["epoch"], passphrase)
        info = b"private-ai-guardian viewer v1 challenge\0" + self.said
        challenge = SUITE.decrypt(unb64(self.inner["challenge"]), pair(private), info)
        return self.prove(challenge)

    def prove(self, challenge: bytes = b"") -> bytes:
        wide = kdf(self.shared + self.secret + (challenge or os.urandom(32)), b"session", 64, self.session)
        self.up, self.down = AESGCM(wide[:32]), AESGCM(wide[32:])
        return self.seal(L + b"proof\0")

    def seal(self, message: bytes) -> bytes:
        self.sent += 1
        return self.up.encrypt((self.sent - 1).to_bytes(12, "big"), message, None)

    def open(self, frame: bytes) -> bytes:
        self.taken += 1
        return self.down.decrypt((self.taken - 1).to_bytes(12, "big"), frame, None)

    def ask(self, **head: object) -> bytes:
        text = json.dumps(head).encode()
        return self.seal(len(text).to_bytes(4, "big") + text)

    def answer(self, frame: bytes) -> tuple[dict, bytes]:
        message = self.open(frame)
        size = int.from_bytes(message[:4], "big")
        return json.loads(message[4 : 4 + size]), message[4 + size :]
