"""The certificate by which the cloud knows this relay: its key is made here, the cloud signs it, and it is renewed at two thirds
of its life over the connection that it still opens.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from guardian.platform.clock import Clock
from guardian.platform.files import make_private_dir, replace_file
from guardian.protocol import clocks
from guardian.protocol.v1 import control_pb2 as control
from guardian_relay.errors import RelayError
from guardian_relay.settings import host_port

_log = structlog.get_logger(__name__)
_PEM, _DER = serialization.Encoding.PEM, serialization.Encoding.DER
_KEY = (_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
_BEGIN = b"-----BEGIN CERTIFICATE-----"
MOST_ANSWER = 256 * 1024
ENROL_TIMEOUT_S = 20.0


class RenewalDue(Exception):
    """There is a new certificate: connect anew."""


class Certificate:
    """In the state folder: key and chain, in one file so that they change at once (`cloud.pem`), `cloud-ca.crt`, `cloud.address`."""

    def __init__(self, state: Path, ca_file: str, clock: Clock) -> None:
        folder = state / "keys"
        self._pair = folder / "cloud.pem"
        self._address = folder / "cloud.address"
        self._ca, self._clock = Path(ca_file) if ca_file else folder / "cloud-ca.crt", clock
        self.ahead_s = 0.0  # our clock of the cloud's, whose clock certificates are made by

    @property
    def there(self) -> bool:
        """Whether this relay has been enrolled."""
        return self._pair.exists() and self._ca.exists()

    @property
    def address(self) -> str:
        """HOST:PORT of the cloud's gRPC, as it said when this relay was enrolled; empty before that."""
        return self._address.read_text(encoding="utf-8").strip() if self.there and self._address.exists() else ""

    def credentials(self) -> tuple[bytes, bytes, bytes]:
        """Return (authority, key, chain) for gRPC. OSError."""
        key, mark, chain = self._pair.read_bytes().partition(_BEGIN)
        return self._ca.read_bytes(), key, mark + chain

    def leaf(self) -> x509.Certificate:
        """The certificate. OSError, ValueError."""
        return x509.load_pem_x509_certificate(self.credentials()[2])

    def out_of_force(self) -> str:
        """Say why the certificate is not in force by our clock, or nothing where it is. OSError, ValueError."""
        leaf = self.leaf()
        begin_s, end_s = (at.timestamp() for at in (leaf.not_valid_before_utc, leaf.not_valid_after_utc))
        return clocks.outside(begin_s, end_s, self._clock.now().utc_ms / 1000, "this relay's certificate")

    def left(self) -> float:
        """How much of its life is left, 0 to 1."""
        leaf = self.leaf()
        begin, end = (at.timestamp() * 1000 for at in (leaf.not_valid_before_utc, leaf.not_valid_after_utc))
        now_ms = self._clock.now().utc_ms - self.ahead_s * 1000
        return max(0.0, min(1.0, (end - now_ms) / (end - begin)))

    def request(self) -> tuple[bytes, bytes]:
        """Make a key; return it (PEM) and the request to sign (DER). What the cloud writes into the certificate is its affair."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
        return key.private_bytes(*_KEY), request.public_bytes(_DER)

    def keep(self, key_pem: bytes, chain_der: list[bytes], root_der: bytes = b"", address: str = "") -> None:
        """Keep a key and its chain; ValueError where they do not belong together. A kill or a full disk leaves the pair that was there."""
        chain = [x509.load_der_x509_certificate(one) for one in chain_der]
        key = serialization.load_pem_private_key(key_pem, None)
        spki = (_DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        if not chain or chain[0].public_key().public_bytes(*spki) != key.public_key().public_bytes(*spki):
            raise ValueError("the certificate is not of the key that was sent")
        make_private_dir(self._pair.parent)
        if root_der:
            replace_file(self._ca, x509.load_der_x509_certificate(root_der).public_bytes(_PEM))
        if address:
            replace_file(self._address, address.encode())
        replace_file(self._pair, b"".join([key_pem, *(one.public_bytes(_PEM) for one in chain)]))

    async def renew_when_due(self, stub: Any) -> bool:
        """Renew at two thirds of its life, and say whether it was done. A cloud that does not is asked again at the next look."""
        if self.left() > 1 / 3:
            return False
        key_pem, request = self.request()
        try:
            reply = await stub.Renew(control.RenewRequest(certificate_request=request), timeout=ENROL_TIMEOUT_S)
            await asyncio.to_thread(self.keep, key_pem, list(reply.chain))
        except (grpc.RpcError, ValueError, OSError) as error:
            _log.warning("certificate_not_renewed", problem=type(error).__name__)
            return False
        _log.info("certificate_renewed")
        return True


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def enrol(certificate: Certificate, url: str, code: str, ca_file: str) -> str:
    """Trade a one-time code for a certificate; return the device's name in it. RelayError. Blocks."""
    if not url.startswith("https://"):
        raise RelayError(
            f"{url!r} is no https address", cure="The code must not travel in the clear.", field="cloud.enrol_url"
        )
    key_pem, request = certificate.request()
    body = json.dumps({"code": code, "certificate_request": base64.b64encode(request).decode()}).encode()
    call = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json"})  # noqa: S310 - https, see above
    try:
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file or None))
        opener = urllib.request.build_opener(https, urllib.request.ProxyHandler({}), _NoRedirect())
        with opener.open(call, timeout=ENROL_TIMEOUT_S) as answer:
            value = json.loads(answer.read(MOST_ANSWER))
        chain = [base64.b64decode(one, validate=True) for one in value["chain"]]
        root = x509.load_pem_x509_certificate(value["root"].encode())
        host_port(value["control"])
        certificate.keep(key_pem, chain, root.public_bytes(_DER), value["control"])
        return str(value["device"])
    except urllib.error.HTTPError as error:
        with error:
            raise RelayError(f"the cloud answers {error.code}", cure="Ask for another code: each is good once.") from None
    except (OSError, ssl.SSLError) as error:
        raise RelayError(f"the cloud cannot be reached: {error}", cure="Is the address right?") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RelayError("what the cloud answers is no certificate", cure="Is the address right?") from error
