"""The manifest of the viewer's bundle: `python packaging/viewer/sign.py [--check | --key FILE | --new-key FILE]`.

Without an option the manifest is written anew. `--check` fails where it is not what the files make, or where there is a signature that
does not fit. `--key` signs it in addition with a release key (Ed25519, PKCS#8 PEM), which stays off this machine between releases;
`--new-key` makes one. `--public PEM` is the public key to check a signature with.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "frontend"))

import guardian_viewer as viewer  # noqa: E402


def new_key(path: Path) -> None:
    """Make a release key, and its public half beside it."""
    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    print(f"{path}; its public half is {path.with_suffix('.pub')}")


def sign(key_file: Path, manifest: bytes) -> bytes:
    """Return the signature of a manifest."""
    key = load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit(f"{key_file} holds no Ed25519 key")
    return key.sign(viewer.SIGNED_WORDS + manifest)


def verify(public_file: Path, manifest: bytes, signature: bytes) -> None:
    """Exit where the signature is not the key's."""
    key = load_pem_public_key(public_file.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        raise SystemExit(f"{public_file} holds no Ed25519 key")
    try:
        key.verify(signature, viewer.SIGNED_WORDS + manifest)
    except InvalidSignature:
        raise SystemExit("the manifest's signature does not fit") from None


def main() -> None:
    """Write, check or sign."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true")
    for name in ("--key", "--new-key", "--public"):
        asked.add_argument(name, type=Path)
    wish = asked.parse_args()
    if wish.new_key:
        new_key(wish.new_key)
        return
    made, manifest, signature = viewer.manifest(), viewer.HERE / viewer.MANIFEST, viewer.HERE / viewer.SIGNATURE
    if not wish.check:
        if not manifest.exists() or manifest.read_bytes() != made:
            manifest.write_bytes(made)
            signature.unlink(missing_ok=True)  # it was another one's
        if wish.key:
            signature.write_bytes(sign(wish.key, made))
        return
    if not manifest.exists() or manifest.read_bytes() != made:
        raise SystemExit("the manifest is not what the files make: python packaging/viewer/sign.py")
    if wish.public:
        verify(wish.public, made, signature.read_bytes())


if __name__ == "__main__":
    main()
