"""Certificates, judged by openssl where it is there."""

import datetime as dt
import shutil
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from guardian_cloud.ca.authority import Authority, ensure, identity_of
from guardian_cloud.model.errors import BadRequest, BadSetting

from guardian.platform.clock import SystemClock
from tests.support.cloud_people import new_key, pem_chain, request_for

TENANT, DEVICE = "01890000-0000-7000-8000-00000000000a", "01890000-0000-7000-8000-00000000000b"


@pytest.fixture
def authority(tmp_path):
    return ensure(tmp_path / "ca", SystemClock())


def test_a_certificate_says_what_we_say_and_nothing_the_request_said(authority):
    issued = authority.sign(request_for(new_key()), TENANT, "relay", DEVICE, 3 * 86_400)
    leaf = x509.load_der_x509_certificate(issued.chain[0])
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == DEVICE
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    identity = identity_of(leaf.public_bytes(serialization.Encoding.PEM))
    assert (identity.tenant, identity.role, identity.device) == (TENANT, "relay", DEVICE)
    assert identity.uri == f"spiffe://guardian/t/{TENANT}/relay/{DEVICE}"
    life = issued.expires_us - SystemClock().now().utc_us
    left = issued.expires_us - issued.renew_us
    assert left / life == pytest.approx(1 / 3, abs=0.01)


def test_openssl_follows_the_chain(authority, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    issued = authority.sign(request_for(new_key()), TENANT, "relay", DEVICE, 3600)
    (tmp_path / "root.pem").write_bytes(authority.root_pem)
    (tmp_path / "leaf.pem").write_bytes(pem_chain(issued.chain[:1]))
    (tmp_path / "rest.pem").write_bytes(pem_chain(issued.chain[1:]))
    argv = [
        "openssl",
        "verify",
        "-x509_strict",
        "-purpose",
        "sslclient",
        "-CAfile",
        "root.pem",
        "-untrusted",
        "rest.pem",
        "leaf.pem",
    ]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    argv[4] = "sslserver"
    assert subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False).returncode != 0


def other_curve():
    key = ec.generate_private_key(ec.SECP384R1())
    return _csr(key)


def rsa_key():
    return _csr(rsa.generate_private_key(65537, 2048))


def _csr(key):
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def unsigned():
    raw = bytearray(request_for(new_key()))
    raw[-1] ^= 1
    return bytes(raw)


@pytest.mark.parametrize(
    "make", [other_curve, rsa_key, unsigned, lambda: b"", lambda: b"x" * 5000, lambda: request_for(new_key())[:-5]]
)
def test_a_request_that_is_not_fit_is_refused(authority, make):
    with pytest.raises(BadRequest) as refused:
        authority.sign(make(), TENANT, "relay", DEVICE, 3600)
    assert refused.value.field == "certificate_request"


def test_keys_are_for_their_owner_only_and_of_one_authority(authority, tmp_path):
    for name in ("root.key", "intermediate.key"):
        assert (tmp_path / "ca" / name).stat().st_mode & 0o777 == 0o600
    again = Authority(tmp_path / "ca", SystemClock())
    assert again.root_pem == authority.root_pem
    other = tmp_path / "other"
    ensure(other, SystemClock())
    shutil.copy(other / "intermediate.key", tmp_path / "ca" / "intermediate.key")
    with pytest.raises(BadSetting, match="another certificate"):
        Authority(tmp_path / "ca", SystemClock())
    with pytest.raises(BadSetting, match="cannot be read"):
        Authority(tmp_path / "none", SystemClock())


def test_a_certificate_for_servers_or_with_two_names_is_no_identity(authority):
    _, chain = authority.server(("localhost",))
    assert identity_of(chain) is None
    assert identity_of(b"nothing") is None
    key = new_key()
    now = dt.datetime.now(dt.UTC)
    uris = [x509.UniformResourceIdentifier(f"spiffe://guardian/t/{one}/relay/{DEVICE}") for one in (TENANT, DEVICE)]
    two = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(x509.Name([]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(uris), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    assert identity_of(two.public_bytes(serialization.Encoding.PEM)) is None
