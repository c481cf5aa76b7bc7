"""Whoever can write to the disk cuts, copies and mixes sealed files of one camera: the reader with the key refuses each."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from guardian.model.errors import Damaged
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault.format import pack_footer, pack_table
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer

UTC = 1_795_392_000_000_000
RECORDS = 4
Parts = tuple[bytes, ...]  # header, the records, the end record, the footer


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), "correct horse battery staple", now_us=UTC)


@pytest.fixture(scope="module")
def files(keyring: Keyring) -> list[Parts]:
    """Two files of one camera, epoch and shape, even of one name and one time: an older state of a file, and its newer one."""
    return [sealed(keyring, f"file {number}") for number in range(2)]


def sealed(keyring: Keyring, text: str) -> Parts:
    header = SegmentHeader("s", "r", "front", "main", ContentKind.VIDEO, UTC, 0, 0)
    sealing = VaultSealer(keyring.public_key, keyring.epoch).begin(header)
    records, rows = [], []
    for number in range(RECORDS):
        row, record = sealing.seal(
            f"{text} record {number}".encode() * 5,
            start_90k=number * 90_000,
            duration_90k=90_000,
            start_utc_us=UTC + number * 1_000_000,
            is_key=True,
            video_frames=15,
        )
        records.append(bytes(record))
        rows.append(row)
    finish, footer = sealing.finish(), pack_footer(pack_table(rows))
    return (sealing.header_bytes, *records, finish[: -len(footer)], footer)


def refused(path: Path, keyring: Keyring, content: bytes) -> bool:
    path.write_bytes(content)
    try:
        with SegmentReader(path, keyring) as reader:
            reader.verify()
    except Damaged:
        return True
    return False


def seen_without_key(path: Path) -> bool:
    try:
        return not scan(path, check_all=True).complete
    except Damaged:
        return True


PLACES = st.tuples(st.integers(0, 1), st.integers(0, RECORDS + 2))
quick = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(plan=st.lists(PLACES, min_size=1, max_size=RECORDS + 4))
def test_no_other_order_or_mix_of_the_parts_of_two_files_is_whole(keyring, files, tmp_path, plan):
    content = b"".join(files[one][part] for one, part in plan)
    assume(content not in {b"".join(parts) for parts in files})
    assert refused(tmp_path / "f.pgs", keyring, content)


@quick
@given(at=st.integers(0, RECORDS + 1), many=st.integers(1, 3), one=st.integers(0, 1))
def test_no_part_of_an_older_file_takes_the_place_of_its_newer_one(keyring, files, tmp_path, at, many, one):
    parts = list(files[one])
    parts[at : at + many] = files[1 - one][at : at + many]
    assert refused(tmp_path / "f.pgs", keyring, b"".join(parts)) == (b"".join(parts) not in map(b"".join, files))


@quick
@given(data=st.data())
def test_no_flip_cut_copy_or_swap_of_any_bytes_is_whole(keyring, files, tmp_path, data):
    whole = b"".join(files[0])
    place = st.integers(0, len(whole))
    a, b, c = sorted(data.draw(st.tuples(place, place, place)))
    change = data.draw(st.sampled_from(["flip", "cut", "double", "swap", "end", "other"]))
    content = {
        "flip": lambda: (
            whole[:a] + bytes([whole[a] ^ 1 << data.draw(st.integers(0, 7))]) + whole[a + 1 :] if a < len(whole) else whole
        ),
        "cut": lambda: whole[:a] + whole[b:],
        "double": lambda: whole[:b] + whole[a:],
        "swap": lambda: whole[:a] + whole[b:c] + whole[a:b] + whole[c:],
        "end": lambda: whole[:a],
        "other": lambda: whole[:a] + b"".join(files[1])[a:b] + whole[b:],
    }[change]()
    assume(content not in (whole, b"".join(files[1])))
    assert refused(tmp_path / "f.pgs", keyring, content)


@pytest.mark.parametrize("last", range(1, RECORDS))
def test_records_taken_off_the_end_with_a_fresh_footer_are_missed(keyring, files, tmp_path, last):
    from guardian.vault.format import parse_table

    header, *rest = files[0]
    rows = list(parse_table(rest[-1][:-12]))[:last]
    content = b"".join([header, *rest[:last], rest[RECORDS], pack_footer(pack_table(rows))])
    assert refused(tmp_path / "f.pgs", keyring, content)


def test_parts_of_another_file_can_pass_without_the_key_and_never_with_it(keyring, files, tmp_path):
    """What the scan cannot see is on the page about the format; checksums are no seals."""
    parts = list(files[0])
    parts[2] = files[1][2]
    assert refused(tmp_path / "f.pgs", keyring, b"".join(parts))
    assert not seen_without_key(tmp_path / "f.pgs")
    parts[2] = files[0][1]
    assert refused(tmp_path / "f.pgs", keyring, b"".join(parts))
    assert seen_without_key(tmp_path / "f.pgs")


def test_the_files_that_are_mixed_are_whole(keyring, files, tmp_path):
    assert hashlib.sha256(files[0][0]).digest() != hashlib.sha256(files[1][0]).digest()
    for parts in files:
        assert not refused(tmp_path / f"{os.urandom(2).hex()}.pgs", keyring, b"".join(parts))
