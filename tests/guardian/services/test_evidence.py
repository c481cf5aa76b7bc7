"""Evidence and archives, made of sealed footage and read by who has nothing but the file."""

import asyncio
import io
import json
import shutil
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import av
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardian.cli._main import cli
from guardian.model.errors import BadRequest, Conflict, Damaged, NotFound, VaultLocked
from guardian.model.media import Codec
from guardian.model.time import SECOND_US
from guardian.model.views import Export
from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.services import export_file
from guardian.services.evidence import CONTEXT, fingerprint
from guardian.services.exports import ExportService
from guardian.services.folder_footage import FolderFootage
from guardian.services.playback import PlaybackService
from guardian.services.verify import key_of, verify
from guardian.vault.keyring import Keyring
from guardian.vault.notary import FILE, VaultNotary
from guardian.vault.sealer import VaultSealer
from tests.support.footage import stream, video
from tests.support.sealed import T0, Camera

SECRET = "correct horse battery staple"
END = T0 + 60 * SECOND_US


class Box:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self.tasks = data_dir, Tasks()
        self.keyring = Keyring.create(data_dir / "vault", SECRET, now_us=T0)
        self.sealer = VaultSealer(self.keyring.public_key, self.keyring.epoch)
        for name in ("front", "gate"):
            Camera(data_dir, self.keyring, camera=name).run(*stream(video(), Codec.AAC))
        (data_dir / "segments" / "attic").mkdir()
        self.playback = PlaybackService(FolderFootage(data_dir), data_dir, self.keyring)
        self.exports = ExportService(self.playback, data_dir, self.sealer, self.keyring, SystemClock(), self.tasks)
        self.notary = VaultNotary.load(data_dir / "vault", self.keyring, self.sealer, T0)
        self.exports.notary = self.notary
        self.exports.names = lambda: (("front", "Front door"),)

    async def made(self, *cameras: str, **wish: object) -> tuple[Export, bytes]:
        export = await self.exports.create(cameras, T0, END, **wish)  # type: ignore[arg-type]
        async with asyncio.timeout(30):
            while (found := await self.exports.get(export.id)).state in ("queued", "running"):
                await asyncio.sleep(0.01)
        assert found.state == "done", found.problem
        data = b"".join([piece async for piece in self.exports.content(export.id)])
        assert len(data) == found.size_bytes
        return found, data


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    box = Box(tmp_path / "house")
    yield box
    await box.tasks.close()
    box.playback.close()


def frames(data: bytes) -> int:
    with av.open(io.BytesIO(data)) as container:
        return sum(1 for _ in container.decode(video=0))


async def test_several_cameras_go_into_one_archive(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_file, "RECORD_BYTES", 10_007)
    export, data = await box.made("front", "attic", "gate")
    assert (export.suffix, export.problem) == ("zip", "attic has no footage in that span.")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["front.mp4", "gate.mp4", "manifest.json"]
        assert [frames(archive.read(name)) for name in ("front.mp4", "gate.mp4")] == [60, 60]
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["without_footage"] == ["attic"]
    assert [one["title"] for one in manifest["files"]] == ["Front door", "gate"]


async def test_a_timelapse_has_the_keyframes_only(box: Box) -> None:
    export, data = await box.made("front", speedup=10)
    assert export.suffix == "mp4"
    with av.open(io.BytesIO(data)) as container:
        assert [one.type for one in container.streams] == ["video"]
        assert 1 <= sum(1 for _ in container.decode(video=0)) < 20


async def test_bad_wishes_are_refused(box: Box) -> None:
    for wish, field in (({"speedup": 0}, "speedup"), ({"speedup": 2, "evidence": True}, "speedup")):
        with pytest.raises(BadRequest) as raised:
            await box.exports.create("front", T0, END, **wish)  # type: ignore[arg-type]
        assert raised.value.field == field
    with pytest.raises(BadRequest):
        await box.exports.create((), T0, END)
    with pytest.raises(NotFound):
        await box.exports.create(("attic", "front"), END, END + SECOND_US)
    box.exports.notary = None
    with pytest.raises(Conflict):
        await box.exports.create("front", T0, END, evidence=True)


async def test_an_export_of_before_there_were_layouts_is_still_read(box: Box) -> None:
    from guardian.model.segment import ContentKind, SegmentHeader

    export, data = await box.made("front")
    path = box.data_dir / "exports" / f"{export.id}.pgx"
    header = SegmentHeader(export.id, export.id, "front", "main", ContentKind.EXPORT, T0, 0, 0)
    sealing = box.sealer.begin(header)
    pieces = [json.dumps({"name": "old"}).encode(), data[:1000], data[1000:]]
    times = {"start_90k": 0, "duration_90k": 0, "start_utc_us": T0, "is_key": False, "video_frames": 0}
    path.write_bytes(sealing.header_bytes + b"".join(sealing.seal(one, **times)[1] for one in pieces) + sealing.finish())
    assert b"".join([piece async for piece in box.exports.content(export.id)]) == data


# evidence


async def test_evidence_says_what_was_recorded_and_who_signed(box: Box, tmp_path: Path) -> None:
    _, data = await box.made("front", "gate", "attic", evidence=True)
    path = tmp_path / "evidence.zip"
    path.write_bytes(data)
    key = fingerprint(box.notary.public_key)
    verdict = verify(path, key)
    assert (verdict.faults, verdict.whole, verdict.known, verdict.key) == ((), True, True, key)
    assert [one[:2] for one in verdict.videos] == [("front.mp4", "Front door"), ("gate.mp4", "gate")]
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        assert frames(archive.read("front.mp4")) == 60
        assert key in archive.read("README.txt").decode()
    front = manifest["files"][0]
    assert manifest["without_footage"] == ["attic"]
    assert sum(one["duration_90k"] for one in front["fragments"]) > 0
    # What the manifest says of the sealed records is what lies on the disk.
    from hashlib import sha256

    from guardian.vault.reader import SegmentReader

    piece = front["fragments"][0]
    (file,) = (box.data_dir / "segments" / "front").rglob(f"{piece['segment']}.pgs")
    with SegmentReader(file, box.keyring) as reader:
        row = reader.table[piece["index"]]
        assert sha256(reader.read(piece["index"])).hexdigest() == piece["recorded_sha256"]
    assert sha256(file.read_bytes()[row.offset : row.offset + row.size]).hexdigest() == piece["sealed_sha256"]


async def test_another_key_is_said(box: Box, tmp_path: Path) -> None:
    _, data = await box.made("front", evidence=True)
    path = tmp_path / "evidence.zip"
    path.write_bytes(data)
    verdict = verify(path, "0000-" * 7 + "0000")
    assert not verdict.whole
    assert "another key" in verdict.faults[0]
    assert verify(path).known is None
    assert verify(path).whole
    assert verify(path, key_of(str(box.data_dir / "vault" / FILE))).whole


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    async def make() -> bytes:
        box = Box(tmp_path_factory.mktemp("evidence") / "house")
        try:
            return (await box.made("front", evidence=True))[1]
        finally:
            await box.tasks.close()
            box.playback.close()

    return asyncio.run(make())


def looked_at(data: bytes, folder: Path) -> bool:
    path = folder / "changed.zip"
    path.write_bytes(data)
    return verify(path).whole


def signed_bytes(data: bytes) -> list[tuple[int, int]]:
    """Where the videos, the manifest and its signature lie."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [
            (one.header_offset + 50 + len(one.filename), one.file_size)
            for one in archive.infolist()
            if one.filename != "README.txt"
        ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(choice=st.integers(0, 2), share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_every_flipped_bit_of_what_was_signed_is_found(
    evidence: bytes, tmp_path: Path, choice: int, share: float, bit: int
) -> None:
    begin, size = signed_bytes(evidence)[choice]
    at = begin + int(share * size)
    changed = bytearray(evidence)
    changed[at] ^= 1 << bit
    assert not looked_at(bytes(changed), tmp_path)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_any_flipped_bit_at_all_raises_nothing(evidence: bytes, tmp_path: Path, share: float, bit: int) -> None:
    changed = bytearray(evidence)
    changed[int(share * len(changed))] ^= 1 << bit
    looked_at(bytes(changed), tmp_path)
    looked_at(bytes(changed[: int(share * len(changed))]), tmp_path)


def rewritten(data: bytes, **changes: bytes | None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = changes.get(name.replace(".", "_"), old.read(name))
            if content is not None:
                new.writestr(name, content)
        for name, content in changes.items():
            if content is not None and name.startswith("extra"):
                new.writestr(name, content)
    return out.getvalue()


def part(data: bytes, name: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(name)


def test_what_is_missing_added_moved_or_from_elsewhere_is_found(evidence: bytes, tmp_path: Path) -> None:
    front, manifest = part(evidence, "front.mp4"), json.loads(part(evidence, "manifest.json"))
    assert looked_at(rewritten(evidence), tmp_path), "packed again it is still what was signed"
    rows = manifest["files"][0]["fragments"]
    a, b = (front[one["offset"] : one["offset"] + one["length"]] for one in rows[:2])
    swapped = front.replace(a + b, b + a)
    for changes in (
        {"front_mp4": None},
        {"manifest_sig": None},
        {"manifest_json": None},
        {"front_mp4": front + b"more"},
        {"front_mp4": front[:-1]},
        {"front_mp4": swapped},
        {"manifest_sig": bytes(64)},
        {"extra_mp4": b"another video"},
        {"manifest_json": json.dumps({**manifest, "created": "2020-01-01T00:00:00Z"}).encode()},
        {"manifest_json": b"[]"},
        {"manifest_json": b"{" * 10_000},
    ):
        assert not looked_at(rewritten(evidence, **changes), tmp_path), changes  # type: ignore[arg-type]


def test_the_paper_that_names_the_key_is_signed_too(evidence: bytes, tmp_path: Path) -> None:
    paper = part(evidence, "README.txt")
    assert not looked_at(rewritten(evidence, README_txt=paper.replace(b"  guardian verify", b"  true")), tmp_path)
    assert not looked_at(rewritten(evidence, README_txt=None), tmp_path)


def test_an_archive_in_which_other_programs_find_other_files_is_refused(evidence: bytes, tmp_path: Path) -> None:
    """Some read a ZIP from its front, by each file's own header, some from its directory at the end."""
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("front.mp4", b"another video")
    in_front = io.BytesIO(other.getvalue() + evidence)
    with zipfile.ZipFile(in_front) as archive:
        assert archive.read("manifest.json") == part(evidence, "manifest.json"), "it opens, what is in front does not matter"
    assert not looked_at(in_front.getvalue(), tmp_path)
    assert not looked_at(evidence[:-2] + b"\x05\0hello", tmp_path), "a comment"
    # a video whose own header says that it is empty, so that one who reads from the front finds what comes in its bytes
    at = evidence.index(b"PK\x03\x04")
    name = len("front.mp4")
    lies = bytearray(evidence)
    lies[at + 30 + name + 4 : at + 30 + name + 20] = bytes(16)
    assert not looked_at(bytes(lies), tmp_path)
    packed = bytearray(evidence)
    packed[at + 8] = zipfile.ZIP_DEFLATED
    assert not looked_at(bytes(packed), tmp_path)
    assert looked_at(evidence, tmp_path)


def test_archives_that_mean_harm_are_refused(evidence: bytes, tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", bytes(50_000_000))
        archive.writestr("manifest.sig", bytes(64))
    assert not looked_at(bomb.getvalue(), tmp_path)
    twice = io.BytesIO(evidence)
    with zipfile.ZipFile(twice, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("front.mp4", b"x")
    assert not looked_at(twice.getvalue(), tmp_path)
    assert not looked_at(b"", tmp_path)
    with pytest.raises(NotFound):
        verify(tmp_path / "none.zip")


def test_a_manifest_signed_by_itself_must_still_fit_the_videos(evidence: bytes, tmp_path: Path) -> None:
    """Whoever has a key of their own can sign what they like, but not that pieces are where they are not."""
    import base64

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()

    def signed(change) -> bytes:  # type: ignore[no-untyped-def]
        manifest = json.loads(part(evidence, "manifest.json"))
        manifest["public_key"] = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        change(manifest["files"][0])
        data = json.dumps(manifest).encode()
        return rewritten(evidence, manifest_json=data, manifest_sig=key.sign(CONTEXT + data))

    assert looked_at(signed(lambda video: None), tmp_path)
    for change in (
        lambda video: video["fragments"].pop(),
        lambda video: video["fragments"].pop(1),
        lambda video: video.update(name="../front.mp4"),
        lambda video: video.update(sha256="0" * 64),
        lambda video: video["fragments"][0].update(offset=10**30),
        lambda video: video["fragments"][0].update(length=0),
        lambda video: video["init"].update(offset=1),
    ):
        assert not looked_at(signed(change), tmp_path)


def test_the_commands(evidence: bytes, tmp_path: Path) -> None:
    path = tmp_path / "evidence.zip"
    path.write_bytes(evidence)
    done = CliRunner().invoke(cli, ["verify", str(path)])
    assert (done.exit_code, "Whole" in done.output, "compare it" in done.output) == (0, True, True)
    path.write_bytes(evidence.replace(b"mdat", b"mdaT", 1))
    done = CliRunner().invoke(cli, ["verify", str(path), "--json"])
    answer = json.loads(done.output.splitlines()[-1])
    assert (done.exit_code, answer["whole"], len(answer["faults"])) == (1, False, 1)
    assert "was changed" in answer["faults"][0]


def test_keys_are_read_as_people_write_them(tmp_path: Path) -> None:
    right = "0123-4567-89ab-cdef-0123-4567-89ab-cdef"
    assert key_of(" 0123456789ABCDEF0123456789abcdef".strip()) == right
    (tmp_path / "key.txt").write_text(right + "\n")
    assert key_of(str(tmp_path / "key.txt")) == right
    for wrong in ("1234", right[:-1] + "g", str(tmp_path / "nothing.txt")):
        with pytest.raises((BadRequest, NotFound)):
            key_of(wrong)


def test_the_key_opens_with_the_vault_only_and_survives_a_new_epoch(tmp_path: Path) -> None:
    keyring = Keyring.create(tmp_path, SECRET, now_us=T0)
    sealer = VaultSealer(keyring.public_key, keyring.epoch)
    notary = VaultNotary.load(tmp_path, keyring, sealer, T0)
    notary.sign(b"x")
    keyring.rotate(SECRET, now_us=T0 + 1)
    again = VaultNotary.load(tmp_path, keyring, sealer, T0)
    assert again.public_key == notary.public_key
    again.sign(b"x")
    keyring.lock()
    with pytest.raises(VaultLocked):
        again.sign(b"x")
    text = (tmp_path / FILE).read_text()
    (tmp_path / FILE).write_text(text.replace('"sealed": "', '"sealed": "AA'))
    keyring.unlock(SECRET)
    with pytest.raises(Damaged):
        VaultNotary.load(tmp_path, keyring, sealer, T0).sign(b"x")
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(Damaged):
        VaultNotary.load(tmp_path, keyring, sealer, T0)
    shutil.rmtree(tmp_path)
