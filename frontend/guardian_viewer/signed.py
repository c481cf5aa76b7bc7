"""What a manifest says of a bundle, and whose signature it has. Pure: whoever checks brings the bytes, from the disk or from a relay.

The signature is Ed25519 (RFC 8032) over SIGNED_WORDS and the manifest as it lies there. A build without a release key is a development
build: nobody has signed it, and its pages say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

SIGNED_WORDS = b"guardian viewer bundle v1\x00"
FORMAT = 1
AGAIN = (
    "Install the package anew; who changed the files on purpose writes the manifest anew: python packaging/viewer/sign.py"
)


class BadBundle(Exception):
    """Files that are not what the manifest says, or a signature that does not fit."""

    def __init__(self, message: str, cure: str = AGAIN) -> None:
        super().__init__(message)
        self.message, self.cure = message, cure


@dataclass(frozen=True, slots=True)
class Build:
    """A bundle that is what its manifest says. `signed_by`: the fingerprint of the key; empty: nobody has signed it."""

    manifest: bytes
    signature: bytes
    signed_by: str
    files: int


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return what people compare of a key: the SHA-256 of its SubjectPublicKeyInfo."""
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def names_in(manifest: bytes) -> tuple[dict[str, str], str]:
    """Return each file's SHA-256, and the policy. BadBundle."""
    try:
        value = json.loads(manifest)
        files, policy = value["files"], value["policy"]
        if value["format"] != FORMAT or not isinstance(files, dict) or not isinstance(policy, str):
            raise ValueError("another form")
        return {str(name): str(digest) for name, digest in files.items()}, policy
    except (ValueError, KeyError, TypeError) as error:
        raise BadBundle("the viewer's manifest.json is missing, or is no manifest") from error


def check(manifest: bytes, found: Mapping[str, str], policy: str, signature: bytes, key: bytes) -> Build:
    """Compare files (SHA-256 by name) with a manifest, and its signature with a key (PEM; empty: there is none). BadBundle."""
    said, said_policy = names_in(manifest)
    for name in sorted(said.keys() | found.keys()):
        if name not in found:
            raise BadBundle(f"the viewer's file {name} is missing")
        if name not in said:
            raise BadBundle(f"the viewer has a file that its manifest does not name: {name}")
        if found[name] != said[name]:
            raise BadBundle(f"the viewer's file {name} is not what the manifest says")
    if policy != said_policy:
        raise BadBundle("the viewer is served under another policy than its manifest says")
    return Build(manifest, signature, _signer(manifest, signature, key), len(said))


def _signer(manifest: bytes, signature: bytes, key: bytes) -> str:
    if not key:
        if signature:
            raise BadBundle("the viewer's manifest has a signature, and there is no release key to check it by")
        return ""
    try:
        public = load_pem_public_key(key)
    except ValueError as error:
        raise BadBundle("the release key is no public key in PEM", "Give the .pub file of the release.") from error
    if not isinstance(public, Ed25519PublicKey):
        raise BadBundle("the release key is no Ed25519 key", "Give the .pub file of the release.")
    if not signature:
        raise BadBundle("the viewer's manifest is not signed")
    try:
        public.verify(signature, SIGNED_WORDS + manifest)
    except InvalidSignature:
        raise BadBundle("the signature of the viewer's manifest is not the release key's") from None
    return fingerprint(public)
