"""An authority for tests: a root, servers, and devices whose requests it signs."""

from __future__ import annotations

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER


class Authority:
    """Signs."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.root = self._build(self.name, self.key.public_key(), 24, ca=True)

    def _build(self, subject, public, hours, *, ca=False, san=(), begin=-1.0):
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(hours=begin))
            .not_valid_after(now + datetime.timedelta(hours=hours))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if san:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(san)), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    @property
    def root_pem(self) -> bytes:
        return self.root.public_bytes(PEM)

    def server(self, *names: str) -> tuple[bytes, bytes]:
        """Return (key, chain) in PEM for a server of these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        san = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
        certificate = self._build(x509.Name([]), key.public_key(), 24, san=san)
        pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return pem, certificate.public_bytes(PEM)

    def sign(self, request: bytes, hours: float = 24, begin: float = -1.0) -> list[bytes]:
        """Return the chain (DER) for a device's request."""
        csr = x509.load_der_x509_csr(request)
        assert csr.is_signature_valid
        uri = x509.UniformResourceIdentifier("spiffe://guardian/t/one/relay/1")
        return [self._build(csr.subject, csr.public_key(), hours, san=[uri], begin=begin).public_bytes(DER)]
