"""The independent reader in JavaScript: it opens what Python sealed, and of every changed file it says what Python's says."""

import hashlib
import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from guardian.model.errors import Damaged, GuardianError
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault.format import pack_footer, pack_table
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from guardian.vault.sealer import VaultSealer

ROOT = Path(__file__).parents[2]
READER = ROOT / "frontend" / "guardian_reader"
VECTORS = ROOT / "tests" / "guardian" / "vault" / "vectors"
PASSPHRASE = "correct horse battery staple"
UTC = 1_795_392_000_000_000
RECORDS = 4
NODE = shutil.which("node")

pytestmark = [pytest.mark.skipif(NODE is None, reason="node is not installed"), pytest.mark.timeout(120)]
Parts = tuple[bytes, ...]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader as a program of Node finds its modules."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(READER / "vendor", folder / "node_modules")
    shutil.copy(READER / "reader.mjs", folder)
    shutil.copy(Path(__file__).with_name("verdicts.mjs"), folder)
    return folder


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), PASSPHRASE, now_us=UTC)


def asked(place: Path, vault: Path, files: list[bytes], passphrase: str = PASSPHRASE) -> list[dict[str, Any]]:
    (place / "files").write_bytes(b"".join(files))
    job = {
        "vault": str(vault),
        "passphrase": passphrase,
        "files": str(place / "files"),
        "sizes": [len(one) for one in files],
    }
    (place / "job.json").write_text(json.dumps(job))
    assert NODE is not None
    done = subprocess.run([NODE, "verdicts.mjs", "job.json"], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, list)
    return answer


def own_verdict(path: Path, keyring: Keyring, content: bytes) -> dict[str, Any]:
    """What our own reader says, in the same words."""
    path.write_bytes(content)
    try:
        with SegmentReader(path, keyring) as reader:
            records = [_digest(reader, index) for index in range(len(reader.table))]
            try:
                reader.verify()
                whole = True
            except Damaged:
                whole = False
            return {"complete": reader.complete, "records": records, "whole": whole, "camera": reader.header.camera}
    except GuardianError:
        return {"error": True}


def _digest(reader: SegmentReader, index: int) -> str | None:
    try:
        return hashlib.sha256(reader.read(index)).hexdigest()
    except Damaged:
        return None


def sealed(keyring: Keyring, text: str, kind: ContentKind = ContentKind.VIDEO) -> Parts:
    header = SegmentHeader("s", "r", "früh", "main", kind, UTC, -5, 0, "avc1.640028", 1920, 1080)
    sealing = VaultSealer(keyring.public_key, keyring.epoch).begin(header)
    records, rows = [], []
    for number in range(RECORDS):
        content = f"{text} record {number}".encode() * 7
        times = {"start_90k": number * 90_000 - 7, "duration_90k": 90_000, "start_utc_us": UTC + number * 1_000_000}
        row, record = sealing.seal(content, is_key=number > 0, video_frames=15, **times)
        records.append(bytes(record))
        rows.append(row)
    finish, footer = sealing.finish(), pack_footer(pack_table(rows))
    return (sealing.header_bytes, *records, finish[: -len(footer)], footer)


def changed(one: Parts, other: Parts, dice: random.Random) -> list[bytes]:
    """Files as somebody may leave them who can write to the disk."""
    whole, again = b"".join(one), b"".join(other)
    found = [whole, again, b"", whole[:8], whole + b"\0"]
    at = 0
    for part in one:  # some bits of every part, and all of each head's bytes
        places = {*dice.sample(range(len(part)), min(24, len(part))), *range(min(41, len(part)))}
        found += [_flipped(whole, at + place, dice.randrange(8)) for place in sorted(places)]
        at += len(part)
        found.append(whole[:at])
    found += [whole[: dice.randrange(len(whole))] for _ in range(30)]
    for _ in range(60):
        shuffled = list(one)
        a, b = dice.sample(range(len(one)), 2)
        change = dice.choice(("swap", "double", "drop", "splice", "replay"))
        if change == "swap":
            shuffled[a], shuffled[b] = shuffled[b], shuffled[a]
        elif change == "double":
            shuffled.insert(b, shuffled[a])
        elif change == "drop":
            del shuffled[a]
        elif change == "splice":
            shuffled[a] = other[a]
        else:
            shuffled[a] = other[b]
        found.append(b"".join(shuffled))
    return found


def _flipped(whole: bytes, at: int, bit: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]


def test_it_opens_the_vectors(place: Path) -> None:
    whole, torn = asked(
        place, VECTORS / "vault.json", [(VECTORS / f"{name}.pgs").read_bytes() for name in ("whole", "torn")]
    )
    texts = (b"init segment", b"first fragment", b"second fragment")
    digests = [hashlib.sha256(text).hexdigest() for text in texts]
    assert (whole["records"], whole["complete"], whole["whole"]) == (digests, True, True)
    assert (torn["records"], torn["complete"], torn["whole"]) == (digests[:2], False, False)


def test_it_opens_a_vault_of_several_epochs_with_a_recovery_code_and_finds_a_changed_one(
    place: Path, keyring: Keyring, tmp_path: Path
) -> None:
    ring = Keyring.create(tmp_path / "vault", PASSPHRASE, now_us=UTC)
    before = b"".join(sealed(ring, "before"))
    ring.make_recovery_code(PASSPHRASE, now_us=UTC)
    ring.rotate(PASSPHRASE, now_us=UTC + 1)
    after = b"".join(sealed(ring, "after"))
    assert [one["whole"] for one in asked(place, tmp_path / "vault" / "vault.json", [before, after])] == [True, True]
    (foreign,) = asked(place, tmp_path / "vault" / "vault.json", [b"".join(sealed(keyring, "foreign"))])
    assert foreign == {"error": "damaged"}


def test_a_wrong_passphrase_opens_nothing(place: Path) -> None:
    with pytest.raises(AssertionError, match="the passphrase is wrong"):
        asked(place, VECTORS / "vault.json", [], "wrong")


@pytest.mark.parametrize("seed", [1, 2])
def test_it_says_of_every_changed_file_what_our_own_reader_says(
    place: Path, keyring: Keyring, tmp_path: Path, seed: int
) -> None:
    one, other = sealed(keyring, "one"), sealed(keyring, "another one")
    files = changed(one, other, random.Random(seed))
    theirs = asked(place, keyring._folder / "vault.json", files)
    ours = [own_verdict(tmp_path / "f.pgs", keyring, content) for content in files]
    for number, (their, our) in enumerate(zip(theirs, ours, strict=True)):
        if "error" in our or "error" in their:
            assert ("error" in their) == ("error" in our), (number, their, our)
        else:
            assert their == our, number
    accepted = [content for content, our in zip(files, ours, strict=True) if our.get("whole")]
    assert set(accepted) == {b"".join(one), b"".join(other)}
