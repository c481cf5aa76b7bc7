"""The independent reader in JavaScript: it opens what Python sealed, and of every changed file it says what Python's says."""

import hashlib
import json
import random
import shutil
import struct
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from guardian.model.segment import SegmentHeader
from guardian.vault.format import MAGIC
from guardian.vault.keyring import Keyring
from tests.support.tampering import UTC, changed, own_verdict, sealed

ROOT = Path(__file__).parents[2]
READER = ROOT / "frontend" / "guardian_reader"
VECTORS = ROOT / "tests" / "guardian" / "vault" / "vectors"
PASSPHRASE = "correct horse battery staple"
NODE = shutil.which("node")

pytestmark = [pytest.mark.skipif(NODE is None, reason="node is not installed"), pytest.mark.timeout(120)]


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


METADATA = (  # how the text is encoded, a member, its value, whether a reader takes it
    ("utf-8", "width", 1920, True),
    ("utf-8-sig", "width", 1920, False),
    ("utf-16", "width", 1920, False),
    ("utf-16-le", "width", 1920, False),
    ("utf-32", "width", 1920, False),
    ("utf-8", "start_90k", -(1 << 62), False),
    ("utf-8", "start_90k", 1 << 62, False),
    ("utf-8", "width", True, False),
    ("utf-8", "width", 0.5, False),
    ("utf-8", "kind", 7, False),
    ("utf-8", "camera", None, False),
    ("utf-8", "more", 1, False),
)


def test_both_readers_take_the_same_metadata(
    place: Path, keyring: Keyring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only who has the public key can seal these, but two readers must not see two things in one file."""
    files = []
    for code, member, value, _ in METADATA:

        def pack(header: SegmentHeader, epoch: int, prefix: bytes, how: Any = (code, member, value)) -> bytes:
            text = json.dumps(asdict(header) | {how[1]: how[2]}).encode(how[0])
            return struct.pack(">8sHHII", MAGIC, 1, 1, epoch, len(text)) + text + prefix

        monkeypatch.setattr("guardian.vault.sealer.pack_preamble", pack)
        files.append(b"".join(sealed(keyring, "one")))
    right = [row[3] for row in METADATA]
    assert ["error" not in own_verdict(tmp_path / "f.pgs", keyring, content) for content in files] == right
    assert ["error" not in one for one in asked(place, keyring._folder / "vault.json", files)] == right
