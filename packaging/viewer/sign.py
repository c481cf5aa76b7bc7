"""The manifest of the viewer's bundle: `python packaging/viewer/sign.py [--check | --key FILE | --unsigned | --new-key FILE]`.

Without an option the manifest is written anew; a signature of another one is taken away, and with it the release key: a development build.
`--key` signs it in addition with a release key (Ed25519, PKCS#8 PEM), which stays off this machine between releases, and lays the key's public
half beside it: from then on relay and edge serve nothing else. `--new-key` makes a key. `--check` fails where files, manifest and signature do
not belong together; `--public PEM` is the key to check by where the one that lies there is not to be believed. How the key is kept:
docs/security.md#the-page-that-viewers-get
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "frontend"))

import guardian_viewer as viewer  # noqa: E402
from guardian_viewer.signed import SIGNED_WORDS, BadBundle, fingerprint  # noqa: E402

KEPT = (viewer.MANIFEST, viewer.SIGNATURE, viewer.RELEASE_KEY)


def new_key(path: Path) -> None:
    """Make a release key, and its public half beside it."""
    key = Ed25519PrivateKey.generate()
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.with_suffix(".pub").write_bytes(_public(key))
    print(f"{path}; its public half is {path.with_suffix('.pub')}, {fingerprint(key.public_key())}")


def _public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sign(key_file: Path, manifest: bytes) -> tuple[bytes, bytes]:
    """Return the signature of a manifest, and the key's public half."""
    key = load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SystemExit(f"{key_file} holds no Ed25519 key")
    return key.sign(SIGNED_WORDS + manifest), _public(key)


def check(public: bytes) -> None:
    """Exit where files, manifest and signature do not belong together."""
    try:
        found = {name: asset.sha256 for name, asset in viewer.bundle().items()}
        own = {name: path.read_bytes() for name in KEPT if (path := viewer.HERE / name).exists()}
        key = public or own.get(viewer.RELEASE_KEY, b"")
        build = viewer.check(own.get(viewer.MANIFEST, b""), found, viewer.POLICY, own.get(viewer.SIGNATURE, b""), key)
    except BadBundle as error:
        raise SystemExit(f"{error.message}. {error.cure}") from None
    print(f"{build.files} files, signed by {build.signed_by or 'nobody'}")


def main() -> None:
    """Write, check or sign."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--check", action="store_true")
    asked.add_argument("--unsigned", action="store_true")
    for name in ("--key", "--new-key", "--public"):
        asked.add_argument(name, type=Path)
    wish = asked.parse_args()
    if wish.new_key:
        new_key(wish.new_key)
        return
    if wish.check:
        check(wish.public.read_bytes() if wish.public else b"")
        return
    made, (manifest, signature, key) = viewer.manifest(), (viewer.HERE / name for name in KEPT)
    if not manifest.exists() or manifest.read_bytes() != made or wish.unsigned:
        manifest.write_bytes(made)
        for other in (signature, key):
            other.unlink(missing_ok=True)
    if wish.key:
        made_signature, public = sign(wish.key, made)
        signature.write_bytes(made_signature)
        key.write_bytes(public)


if __name__ == "__main__":
    main()
