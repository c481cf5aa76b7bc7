"""Serving other machines: who is let in, what is refused, and that the answers are the engine's own, over HTTP and gRPC, in TLS."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import threading
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from guardian_remote_detector.config import RemoteDetectorConfig
from guardian_remote_detector.detector import RemoteDetector

from guardian.detect.engine import Engine, open_engine
from guardian.interfaces import DetectorKind
from guardian.model.errors import BadRequest, BadSetting, Conflict, NotAllowed, ServiceUnavailable, TooManyRequests
from guardian.platform.clock import SystemClock
from guardian.processes import infer_doors
from guardian.processes.infer_doors import Doors, grpc_door, http_app, is_loopback
from guardian.processes.infer_service import InferService, read_tokens
from tests.guardian.detect.test_engine import HERE, SPEC, rows
from tests.support.detectors import FakeDetector
from tests.support.program import wait_for

TOKEN, OTHER = "t" * 40, "o" * 40
ONE = np.full((1, 100, 100, 3), 7, np.uint8)


@pytest.fixture
def detector():
    return FakeDetector(rows(("person", 0.9, HERE), ("car", 0.5, (70, 70, 10, 20))))


@pytest.fixture
def service(detector):
    service = InferService(Engine(SPEC, detector, "fake"), [("attic", TOKEN), ("barn", OTHER)], SystemClock(), 100)
    yield service
    service.close()


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


class HttpDoor:
    """The HTTP door in a thread of its own."""

    def __init__(self, service, doors):
        self._loop, self._up = asyncio.new_event_loop(), threading.Event()
        self._service, self._doors = service, doors
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._up.wait(10)

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._runner = web.AppRunner(http_app(self._service), shutdown_timeout=0.1)

        async def up():
            await self._runner.setup()
            await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=infer_doors._tls(self._doors)).start()
            self.port = self._runner.addresses[0][1]
            self._up.set()

        self._loop.run_until_complete(up())
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        self._loop.close()

    def close(self):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


@pytest.fixture(params=["http", "https", "grpc", "grpcs"])
def config(request, service, tls):
    cert, key = tls if request.param.endswith("s") else (None, None)
    doors = Doors("127.0.0.1:0", "127.0.0.1:0", cert, key)
    if request.param.startswith("http"):
        door = HttpDoor(service, doors)
        port, end = door.port, door.close
    else:
        address, end = grpc_door(service, doors)
        port = int(address.rpartition(":")[2])
    yield RemoteDetectorConfig(
        url=f"{request.param}://127.0.0.1:{port}", token=TOKEN, ca_file=str(cert or ""), deadline_s=5, requests=1
    )
    end()


def far(config):
    kind = DetectorKind(
        "remote", "Remote", 90, lambda _: "", lambda spec, _: RemoteDetector(spec, config), tuple, remote=True
    )
    return open_engine(SPEC, [kind], backend="remote")


def test_what_comes_back_is_what_the_engine_over_there_says(config, service, detector):
    engine = far(config)
    here = Engine(SPEC, FakeDetector(detector.outputs), "fake")
    pictures = np.concatenate([ONE, ONE + 1])
    assert [[(d.label, d.score) for d in one] for one in engine.detect(pictures)] == [
        [(d.label, d.score) for d in one] for one in here.detect(pictures)
    ]
    for there, own in zip(engine.detect(ONE)[0], here.detect(ONE)[0], strict=True):
        assert (there.box.x1, there.box.y2) == pytest.approx((own.box.x1, own.box.y2), abs=1e-6)
    assert (detector.seen[-1] == ONE).all()
    assert (engine.ready.width, engine.ready.labels, engine.ready.threshold) == (
        service.model.width,
        service.model.labels,
        pytest.approx(service.model.threshold),
    )
    wait_for(lambda: service.accounts()[0].answered == 3, 10, "the third on the account, which is written after the answer")
    assert [account.camera for account in service.accounts()] == ["attic"]
    engine.close()


def test_a_wrong_token_is_refused_late_and_named(config, service, monkeypatch, detector):
    monkeypatch.setattr(infer_doors, "WRONG_TOKEN_WAIT_S", 0.0)
    with pytest.raises(BadSetting, match="does not know the token") as caught:
        far(config.model_copy(update={"token": "x" * 40}))
    assert caught.value.field == "plugins.settings.remote_detector.token"
    assert not detector.seen


def test_another_model_over_there_or_nobody_means_away(config, service):
    engine = far(config)
    service.revision = "another"
    with pytest.raises(ServiceUnavailable):
        engine.detect(ONE)
    engine.close()
    with pytest.raises(ServiceUnavailable, match="away"):
        far(config.model_copy(update={"url": config.url.rpartition(":")[0] + ":9", "deadline_s": 1.0}))


def test_too_much_is_skipped(config, service):
    engine = far(config)
    service._edges[0].allowance, service._rate = 0.0, 0.001
    with pytest.raises(BlockingIOError):
        engine.detect(ONE)
    engine.close()


def test_limits(service):
    edge, revision = service.admit(f"Bearer {TOKEN}"), service.revision
    assert (edge.name, service.admit(f"Bearer {OTHER}").name) == ("attic", "barn")
    for wrong in ("", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x"):
        with pytest.raises(NotAllowed):
            service.admit(wrong)
    for count, data in ((0, b""), (17, b"x" * 17 * 30000), (1, b"x" * 29999), (2, b"x" * 30000)):
        with pytest.raises(BadRequest):
            service.ask(edge, revision, count, data)
    with pytest.raises(Conflict):
        service.ask(edge, "old", 1, b"x" * 30000)
    edge.allowance = service._rate = 1e-6
    with pytest.raises(TooManyRequests):
        service.ask(edge, revision, 1, b"x" * 30000)
    service._rate = 100
    service.ask(service.admit(f"Bearer {OTHER}"), revision, 1, b"x" * 30000).result(5)  # nobody else is slowed


@pytest.mark.parametrize(
    ("http", "grpc", "field"),
    [("0.0.0.0:1", "", "listen"), ("127.0.0.1:1", "[::]:1", "grpc-listen"), ("nas:1", "", "listen")],
)
def test_beyond_this_machine_only_in_tls(http, grpc, field, tls):
    with pytest.raises(BadSetting, match="in the clear") as caught:
        Doors(http, grpc).check()
    assert caught.value.field == field
    Doors(http, grpc, *tls).check()
    with pytest.raises(BadSetting, match="belong together"):
        Doors(http, grpc, tls[0]).check()


def test_who_is_loopback():
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "nas")] == [
        True
    ] * 3 + [False] * 4


def test_tokens_are_read_from_a_private_file(tmp_path):
    path = Path(tmp_path / "tokens")
    for text, mode, said in (
        (TOKEN, 0o644, "others may read"),
        ("short", 0o600, "32 characters"),
        ("# nobody\n\n", 0o600, "no token"),
        (f"a {TOKEN} c", 0o600, "line 1"),
    ):
        path.write_text(text)
        path.chmod(mode)
        with pytest.raises(BadSetting, match=said) as caught:
            read_tokens(path)
        assert TOKEN not in str(caught.value)
    path.write_text(f"attic {TOKEN}\n\n{OTHER}\n")
    assert read_tokens(path) == (("attic", TOKEN), ("edge 3", OTHER))
    with pytest.raises(BadSetting, match="cannot be read"):
        read_tokens(tmp_path / "none")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"url": "http://big.lan:1", "token": TOKEN}, "in the clear"),
        ({"url": "grpc://10.0.0.1:1", "token": TOKEN}, "in the clear"),
        ({"url": "https://big.lan:1"}, "token"),
        ({"url": "ftp://big.lan", "token": TOKEN}, "url"),
        ({"url": "https://me:pw@big.lan", "token": TOKEN}, "without user"),
    ],
)
def test_unsafe_settings_of_the_client(values, said):
    with pytest.raises(ValueError, match=said) as caught:
        RemoteDetectorConfig(**values)
    assert said in str(caught.value)


def test_a_remote_kind_is_only_used_by_name():
    made = []
    remote = DetectorKind("remote", "Remote", 1, lambda _: "", lambda *_: made.append(1), tuple, remote=True)
    with pytest.raises(ServiceUnavailable, match="none is installed"):
        open_engine(SPEC, [remote])
    assert not made
