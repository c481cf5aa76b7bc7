"""The internal authority: a root, an intermediate that signs, and what a certificate says: spiffe://guardian/t/TENANT/ROLE/DEVICE.

A request proves that its sender holds the key, and says nothing else: name, role and times are ours. P-256 alone, because every TLS
stack has it. Certificates live for days; who is put out before is on the denylist, which is asked with each call.
The root signs intermediates once in years: its key belongs off this machine, and `guardian-cloud doctor` says so while it is there.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from guardian.platform.clock import Clock
from guardian.platform.files import make_private_dir, replace_file
from guardian_cloud.model.errors import BadRequest, BadSetting

ROOT_YEARS, INTERMEDIATE_YEARS = 20, 5
SERVER_DAYS: Final = 30
SKEW: Final = dt.timedelta(minutes=5)  # a relay's clock may be behind
RENEW_AT: Final = 2 / 3  # of its life: a third is left for when we do not answer
MOST_REQUEST: Final = 4096
_SPIFFE: Final = re.compile(r"spiffe://guardian/t/([0-9a-f-]{36})/(relay|edge)/([0-9a-f-]{36})")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a certificate says somebody is."""

    tenant: str
    role: str
    device: str
    expires_us: int

    @property
    def uri(self) -> str:
        """As the certificate has it."""
        return f"spiffe://guardian/t/{self.tenant}/{self.role}/{self.device}"


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate: the chain in DER, leaf first, without the root."""

    chain: tuple[bytes, ...]
    expires_us: int
    renew_us: int


def identity_of(pem: bytes) -> Identity | None:
    """Return who a certificate, whose chain the TLS stack has checked, speaks of; None: no relay or edge."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    found = _SPIFFE.fullmatch(uris[0]) if len(names) == 1 and len(uris) == 1 else None
    if found is None or ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        return None
    return Identity(found[1], found[2], found[3], _us(certificate.not_valid_after_utc))


class Authority:
    """Signs. Its folder is for its owner only."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        try:
            self.root = x509.load_pem_x509_certificate((folder / "root.crt").read_bytes())
            self.intermediate = x509.load_pem_x509_certificate((folder / "intermediate.crt").read_bytes())
            key = serialization.load_pem_private_key((folder / "intermediate.key").read_bytes(), None)
        except (OSError, ValueError) as error:
            raise BadSetting(
                f"the authority in {folder} cannot be read",
                field="authority.dir",
                cure="`guardian-cloud migrate` makes one.",
            ) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != self.intermediate.public_key():
            raise BadSetting(
                f"{folder}/intermediate.key is of another certificate",
                field="authority.dir",
                cure="Put back the right file.",
            )
        self._key = key

    @property
    def root_pem(self) -> bytes:
        """What relays trust."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    @property
    def root_key_is_here(self) -> bool:
        """Whether the root's key still lies beside us."""
        return (self._folder / "root.key").exists()

    def sign(self, request: bytes, tenant: str, role: str, device: str, life_s: int) -> Issued:
        """Sign a relay's or an edge's request (PKCS #10, DER). BadRequest."""
        key = _key_of(request)
        now = self._now()
        identity = Identity(tenant, role, device, 0)
        until = min(now + dt.timedelta(seconds=life_s), self.intermediate.not_valid_after_utc)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
        san = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity.uri)])
        leaf = self._leaf(name, key, san, ExtendedKeyUsageOID.CLIENT_AUTH, now, until)
        renew = now + (until - now) * RENEW_AT
        return Issued((_der(leaf), _der(self.intermediate)), _us(until), _us(renew))

    def server(self, names: tuple[str, ...]) -> tuple[bytes, bytes]:
        """Return key and chain in PEM for our own service, valid from now for a month."""
        key, now = ec.generate_private_key(ec.SECP256R1()), self._now()
        san = x509.SubjectAlternativeName([_host(name) for name in names])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        until = now + dt.timedelta(days=SERVER_DAYS)
        leaf = self._leaf(subject, key.public_key(), san, ExtendedKeyUsageOID.SERVER_AUTH, now, until)
        chain = leaf.public_bytes(serialization.Encoding.PEM) + self.intermediate.public_bytes(serialization.Encoding.PEM)
        return _pem_key(key), chain

    def _leaf(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        san: x509.SubjectAlternativeName,
        usage: x509.ObjectIdentifier,
        now: dt.datetime,
        until: dt.datetime,
    ) -> x509.Certificate:
        return (
            _builder(subject, self.intermediate.subject, key, now - SKEW, until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signing_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(san, critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _now(self) -> dt.datetime:
        return _time(self._clock)


def ensure(folder: Path, clock: Clock) -> Authority:
    """Open the authority; make it where there is none. BadSetting where it cannot be made."""
    try:
        make_private_dir(folder)
        if not (folder / "intermediate.key").exists():
            _make(folder, _time(clock))
    except OSError as error:
        raise BadSetting(
            f"authority.dir: {folder} cannot be written: {error.strerror}",
            field="authority.dir",
            cure="Let the user that the program runs as own that folder, and the one that it is in.",
        ) from error
    return Authority(folder, clock)


def _make(folder: Path, now: dt.datetime) -> None:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Guardian root")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Guardian relays and edges")])
    root = (
        _builder(root_name, root_name, root_key.public_key(), now - SKEW, now + dt.timedelta(days=365 * ROOT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(signing_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    intermediate = (
        _builder(name, root_name, key.public_key(), now - SKEW, now + dt.timedelta(days=365 * INTERMEDIATE_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signing_certificates=True), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    replace_file(folder / "root.key", _pem_key(root_key))
    replace_file(folder / "root.crt", root.public_bytes(serialization.Encoding.PEM))
    replace_file(folder / "intermediate.crt", intermediate.public_bytes(serialization.Encoding.PEM))
    replace_file(folder / "intermediate.key", _pem_key(key))  # last: its being there says that all are


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: dt.datetime, until: dt.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _key_of(request: bytes) -> ec.EllipticCurvePublicKey:
    if len(request) > MOST_REQUEST:
        raise _bad_request("is too long")
    try:
        csr = x509.load_der_x509_csr(request)
        key = csr.public_key()
        signed = csr.is_signature_valid
    except (ValueError, TypeError, InvalidSignature) as error:
        raise _bad_request("is no PKCS #10 in DER") from error
    except Exception as error:
        raise _bad_request("has a key that is not P-256") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise _bad_request("has a key that is not P-256")
    if not signed:
        raise _bad_request("is not signed by its own key")
    return key


def _bad_request(why: str) -> BadRequest:
    return BadRequest(
        f"certificate_request {why}", field="certificate_request", cure="Send a PKCS #10 request in DER for a P-256 key."
    )


def _usage(*, signing_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signing_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signing_certificates,
        crl_sign=signing_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _time(clock: Clock) -> dt.datetime:
    return dt.datetime.fromtimestamp(clock.now().utc_us // 1_000_000, dt.UTC)


def _us(moment: dt.datetime) -> int:
    return int(moment.timestamp()) * 1_000_000
