"""The relay's own keys: made here, kept in the state folder for its owner alone, sent nowhere."""

from __future__ import annotations

import datetime
import errno
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from guardian.platform.files import make_private_dir, replace_file
from guardian.protocol.tunnel import Keys, from_json, to_json
from guardian.protocol.wireguard import make_private_key
from guardian_relay.errors import RelayError

NAME = "guardian-relay"  # in the certificate: the invitation pins it by its hash, so the name means nothing
_YEARS = 20
_PEM, _PKCS8, _OPEN = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this relay is."""

    subject: bytes
    signing: Ed25519PrivateKey
    tunnel_private: bytes
    certificate_pem: bytes
    key_pem: bytes

    @property
    def certificate_sha256(self) -> bytes:
        """What invitations pin."""
        der = x509.load_pem_x509_certificate(self.certificate_pem).public_bytes(serialization.Encoding.DER)
        return hashlib.sha256(der).digest()


def make_state(state: Path) -> None:
    """Make the state folder where there is none; RelayError where it cannot be used."""
    try:
        make_private_dir(state)
        if not os.access(state, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        cure = "Let the relay's user own that folder; `guardian-relay doctor` looks at the rest."
        raise RelayError(f"state: {state} cannot be written: {error.strerror}", cure=cure, field="state") from error


def load_identity(state: Path, now_ms: int) -> Identity:
    """Read the relay's keys; they are made where there are none. RelayError where they are damaged."""
    folder = state / "keys"
    make_private_dir(folder)
    if not (folder / "identity.json").exists():
        _make(folder, now_ms)
    try:
        value = json.loads((folder / "identity.json").read_bytes())
        return Identity(
            bytes.fromhex(value["subject"]),
            Ed25519PrivateKey.from_private_bytes(bytes.fromhex(value["signing"])),
            bytes.fromhex(value["tunnel"]),
            (folder / "tls.crt").read_bytes(),
            (folder / "tls.key").read_bytes(),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RelayError(
            f"the relay's keys in {folder} cannot be read: {type(error).__name__}",
            cure="Restore the folder. Moved away, new keys are made, and the home has to join anew.",
        ) from error


def _make(folder: Path, now_ms: int) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.fromtimestamp(now_ms / 1000, datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=365))  # the home's clock may be behind; the hash is what counts
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    replace_file(folder / "tls.key", key.private_bytes(_PEM, _PKCS8, _OPEN))
    replace_file(folder / "tls.crt", certificate.public_bytes(_PEM))
    value = {
        "subject": os.urandom(16).hex(),
        "signing": Ed25519PrivateKey.generate().private_bytes_raw().hex(),
        "tunnel": make_private_key().hex(),
    }
    replace_file(folder / "identity.json", json.dumps(value).encode())


def load_tunnel(state: Path, now_s: float) -> Keys | None:
    """Read the keys of the tunnel; None before a home has joined."""
    path = state / "keys" / "tunnel.json"
    try:
        return from_json(json.loads(path.read_bytes()), now_s)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RelayError(f"{path} is damaged", cure="Restore it, or have the home join anew.") from error


def keep_tunnel(state: Path, keys: Keys) -> None:
    """Write the keys of the tunnel, durably, before they are used."""
    replace_file(state / "keys" / "tunnel.json", json.dumps(to_json(keys)).encode())


def forget_tunnel(state: Path) -> None:
    """The home is joined no more."""
    (state / "keys" / "tunnel.json").unlink(missing_ok=True)
