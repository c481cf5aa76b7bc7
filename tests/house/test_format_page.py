"""docs/format.md tells the truth: the hashes of the vectors, and a reader written from the page alone opens them."""

import hashlib
import json
import struct
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from guardian.vault.keyring import Keyring

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests/guardian/vault/vectors"
PAGE = (ROOT / "docs/format.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["vault.json", "whole.pgs", "torn.pgs", "recovery.json"])
def test_the_page_has_the_hashes_of_the_vectors(name):
    digest = hashlib.sha256((VECTORS / name).read_bytes()).hexdigest()
    assert f"| `{name}` | `{digest}` |" in PAGE


def test_a_reader_written_from_the_page_opens_them():
    keyring = Keyring.load(VECTORS)
    keyring.unlock("correct horse battery staple")
    data = (VECTORS / "whole.pgs").read_bytes()
    assert data[:8] == bytes.fromhex("89504147530d0a1a")
    version, suite, epoch, n = struct.unpack_from(">HHII", data, 8)
    assert (version, suite) == (1, 1)
    assert json.loads(data[20 : 20 + n])["camera"] == "front"
    prefix, preamble = data[20 + n : 27 + n], data[: 27 + n]
    (m,) = struct.unpack_from(">H", data, 27 + n)
    wrapped = data[29 + n : 29 + n + m]
    segment_key = keyring.unwrap_segment_key(wrapped, preamble, epoch)
    context = hashlib.sha256(data[: 29 + n + m]).digest()
    wide = HKDFExpand(hashes.SHA256(), 64, b"private-ai-guardian segment v1 records\0" + context).derive(segment_key)
    at = 29 + n + m + 32
    assert wide[32:] == data[29 + n + m : at]
    cipher, digest, found = AESGCM(wide[:32]), hashlib.sha256(data[:at]).digest(), []
    while data[at : at + 4] == b"PAGr":
        length, index, flags, *_, crc = struct.unpack_from(">IIBqIqII", data, at + 4)
        sealed = data[at + 41 : at + 41 + length]
        assert crc == zlib.crc32(sealed)
        nonce = prefix + struct.pack(">IB", index, flags >> 1)
        found.append(cipher.decrypt(nonce, sealed, digest + data[at : at + 37]))
        at += 41 + length
    table = data[at : at + 37 * (len(found) - 1)]
    assert found == [b"init segment", b"first fragment", b"second fragment", hashlib.sha256(table).digest()]
    assert data[at + len(table) :] == struct.pack(">I8s", len(table), b"PAGSEND1")
