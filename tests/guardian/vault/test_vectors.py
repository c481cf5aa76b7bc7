"""The vectors, opened step by step without the program: HPKE from its primitives, and every value that docs/format.md states."""

import base64
import hashlib
import hmac
import json
import struct
import unicodedata
from pathlib import Path

import pytest
from argon2.low_level import Type, hash_secret_raw
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VECTORS = Path(__file__).parent / "vectors"
PAGE = (Path(__file__).parents[3] / "docs/format.md").read_text(encoding="utf-8")
SUITE_ID = b"HPKE" + struct.pack(">HHH", 0x647A, 0x0001, 0x0002)  # RFC 9180, 5.1
X_WING_LABEL = bytes.fromhex("5c2e2f2f5e5c")


def extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
    """RFC 9180, 4: LabeledExtract with HKDF-SHA-256."""
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + SUITE_ID + label + secret, "sha256")


def expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """RFC 9180, 4: LabeledExpand."""
    return hkdf_expand(key, struct.pack(">H", length) + b"HPKE-v1" + SUITE_ID + label + info, length)


def hkdf_expand(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869, 2.3."""
    done, block = b"", b""
    while len(done) < length:
        block = hmac.digest(key, block + info + bytes((len(done) // 32 + 1,)), "sha256")
        done += block
    return done[:length]


def hpke_open(private: bytes, wrapped: bytes, info: bytes) -> bytes:
    """Base mode, one message, no associated data. KEM: X-Wing's combiner over separate keys."""
    encapsulated, sealed = wrapped[:1120], wrapped[1120:]
    x25519 = X25519PrivateKey.from_private_bytes(private[64:])
    first = MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(encapsulated[:1088])
    second = x25519.exchange(X25519PublicKey.from_public_bytes(encapsulated[1088:]))
    secret = hashlib.sha3_256(
        first + second + encapsulated[1088:] + x25519.public_key().public_bytes_raw() + X_WING_LABEL
    ).digest()
    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    schedule = extract(secret, b"secret", b"")
    nonce = expand(schedule, b"base_nonce", context, 12)
    return AESGCM(expand(schedule, b"key", context, 32)).decrypt(nonce, sealed, b"")


@pytest.fixture(scope="module")
def private() -> bytes:
    vault = json.loads((VECTORS / "vault.json").read_text())
    kdf, epoch = vault["kdf"], vault["epochs"][0]
    passphrase = unicodedata.normalize("NFKC", "correct horse battery staple").encode()
    salt = base64.b64decode(kdf["salt"])
    kek = hash_secret_raw(passphrase, salt, kdf["time"], kdf["memory_kib"], kdf["lanes"], 32, Type.ID)
    assert f"| key of the passphrase | `{kek.hex()}` |" in PAGE
    bound = b"private-ai-guardian vault v1 epoch\0" + struct.pack(">I", epoch["number"]) + base64.b64decode(epoch["public"])
    return AESGCM(kek).decrypt(base64.b64decode(epoch["nonce"]), base64.b64decode(epoch["wrapped"]), bound)


def test_every_value_on_the_page_is_what_the_primitives_say(private):
    data = (VECTORS / "whole.pgs").read_bytes()
    (n,) = struct.unpack_from(">I", data, 16)
    (m,) = struct.unpack_from(">H", data, 27 + n)
    assert m == 1168
    preamble, before = data[: 27 + n], data[: 29 + n + m]
    segment_key = hpke_open(private, data[29 + n : 29 + n + m], b"private-ai-guardian segment v1 key\0" + preamble)
    context = hashlib.sha256(before).digest()
    wide = hkdf_expand(segment_key, b"private-ai-guardian segment v1 records\0" + context, 64)
    header = data[: 29 + n + m + 32]
    for name, value in (
        ("segment key", segment_key),
        ("context", context),
        ("record key", wide[:32]),
        ("commitment", wide[32:]),
        ("SHA-256 of the header", hashlib.sha256(header).digest()),
        ("nonce of record 0", preamble[-7:] + bytes(5)),
        ("nonce of the end record", preamble[-7:] + bytes.fromhex("0000000301")),
    ):
        assert f"| {name} | `{value.hex()}` |" in PAGE, (name, value.hex())
    assert wide[32:] == header[-32:]
    (length,) = struct.unpack_from(">I", data, len(header) + 4)
    sealed = data[len(header) + 41 :][:length]
    bound = hashlib.sha256(header).digest() + data[len(header) :][:37]
    assert AESGCM(wide[:32]).decrypt(preamble[-7:] + bytes(5), sealed, bound) == b"init segment"


# recovery: from the code on the page to every epoch's private key

CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def page_value(name: str) -> str:
    """Return a value of the page's table."""
    return PAGE.split(f"| {name} | `")[1].partition("`")[0]


def gf32(a: int, b: int) -> int:
    """Multiply by logarithms of x, which generates GF(2^5) modulo x^5 + x^2 + 1."""
    powers = [1]
    while len(powers) < 31:
        powers.append(powers[-1] << 1 ^ (0b100101 if powers[-1] & 16 else 0))
    return powers[(powers.index(a) + powers.index(b)) % 31] if a and b else 0


def secret_of(code: str) -> bytes:
    groups = [[CODE_ALPHABET.index(symbol) for symbol in group] for group in code.split("-")]
    assert [len(group) for group in groups] == [5] * 8
    for n, (a, b, c, d, check) in enumerate(groups):
        assert check == n ^ gf32(2, a) ^ gf32(4, b) ^ gf32(8, c) ^ gf32(16, d)
    secret = "".join(CODE_ALPHABET[value] for group in groups[:7] for value in group[:4]).encode()
    digest = hashlib.sha256(b"private-ai-guardian recovery code v1\0" + secret).hexdigest()
    bits = f"{int(digest, 16):0256b}"[:20]
    assert [int(bits[at : at + 5], 2) for at in range(0, 20, 5)] == groups[7][:4]
    return secret


def test_the_recovery_code_opens_every_epoch_from_the_page_alone():
    data = (VECTORS / "recovery.json").read_bytes()
    assert f"| `recovery.json` | `{hashlib.sha256(data).hexdigest()}` |" in PAGE
    vault = json.loads(data)
    kept, epochs = vault["recovery"], vault["epochs"]
    salt, public, anchor = (base64.b64decode(kept[name]) for name in ("salt", "public", "anchor"))
    secret = secret_of(page_value("recovery code"))
    wide = hkdf_expand(hmac.digest(salt, secret, "sha256"), b"private-ai-guardian vault v1 recovery\0", 128)
    assert page_value("recovery private key") == wide[:96].hex()
    assert page_value("anchor key") == wide[96:].hex()
    mlkem, x25519 = MLKEM768PrivateKey.from_seed_bytes(wide[:64]), X25519PrivateKey.from_private_bytes(wide[64:96])
    assert mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw() == public
    places = [struct.pack(">I", one["number"]) + base64.b64decode(one["public"]) for one in epochs]
    assert hmac.digest(wide[96:], b"private-ai-guardian vault v1 anchor\0" + places[0], "sha256") == anchor
    info = b"private-ai-guardian vault v1 recovery epoch\0"
    privates = [
        hpke_open(wide[:96], base64.b64decode(one["recovery"]), info + place)
        for one, place in zip(epochs, places, strict=True)
    ]
    assert [page_value(f"private key of epoch {n}") for n in (1, 2)] == [private.hex() for private in privates]
    key = hkdf_expand(hmac.digest(bytes(32), privates[0], "sha256"), b"private-ai-guardian vault v1 check\0", 32)
    listed = struct.pack(">I", len(epochs))
    listed += b"".join(
        struct.pack(">Q", one["created_us"]) + place + base64.b64decode(one["recovery"])
        for one, place in zip(epochs, places, strict=True)
    )
    listed += struct.pack(">Q", kept["created_us"]) + salt + public + anchor
    assert hmac.digest(key, listed, "sha256") == base64.b64decode(vault["check"])
    assert page_value("check key") == key.hex()
