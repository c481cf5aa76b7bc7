"""Sealed files: what is whole opens, what was changed does not, and nothing that is read can do harm."""

import json
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guardian.model.errors import Bug, Damaged, GuardianError, VaultLocked
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault import sealer as sealer_module
from guardian.vault.format import FOOTER_MAGIC, MAGIC, MAX_NUMBER, RECORD_HEAD, parse_header, parse_record_head
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader, open_whole
from guardian.vault.scan import scan
from guardian.vault.sealer import VaultSealer, seal_whole

VECTORS = Path(__file__).parent / "vectors"
PASSPHRASE = "correct horse battery staple"
CONTENT = [b"init segment", b"first fragment" * 20, b"x", b"third fragment" * 9]
T0 = 1_795_392_000_000_000
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.create(tmp_path_factory.mktemp("vault"), PASSPHRASE, now_us=T0)


def header(number: int = 1, kind: ContentKind = ContentKind.VIDEO) -> SegmentHeader:
    segment_id = f"01979c5e-0000-7000-8000-{number:012d}"
    return SegmentHeader(
        segment_id=segment_id,
        run_id=segment_id,
        camera="front",
        stream="main",
        kind=kind,
        start_utc_us=T0,
        start_mono_us=5,
        start_90k=0,
        codecs="avc1.640028",
        width=640,
        height=360,
    )


def sealed(keyring: Keyring, contents: list[bytes] = CONTENT, number: int = 1, *, finished: bool = True) -> list[bytes]:
    """Return header, records and (when finished) what ends the file."""
    sealing = VaultSealer(keyring.public_key, keyring.epoch).begin(header(number))
    parts = [sealing.header_bytes]
    for n, data in enumerate(contents):
        _, record = sealing.seal(
            data, start_90k=n * 9000, duration_90k=9000, start_utc_us=T0 + n * 100_000, is_key=n != 2, video_frames=n
        )
        parts.append(bytes(record))
    return [*parts, sealing.finish()] if finished else parts


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    def put(data: bytes) -> Path:
        path = tmp_path / "file.pgs"
        path.write_bytes(data)
        return path

    return put


def contents(path: Path, keyring: Keyring) -> list[bytes]:
    with SegmentReader(path, keyring) as reader:
        return [reader.read(row.index) for row in reader.table]


def verified(path: Path, keyring: Keyring) -> list[bytes]:
    with SegmentReader(path, keyring) as reader:
        reader.verify()
        return [reader.read(row.index) for row in reader.table]


def test_what_was_sealed_opens_and_nothing_of_it_stands_in_the_open(keyring, put):
    data = b"".join(sealed(keyring))
    path = put(data)
    assert verified(path, keyring) == CONTENT
    assert not any(piece in data for piece in (b"init segment", b"first fragment", b"third"))
    found = scan(path)
    assert (found.complete, found.whole_bytes, found.epoch, found.header) == (True, len(data), 1, header())
    record = found.record("front/main/x.pgs")
    assert (record.fragments, record.video_frames, record.size_bytes, record.complete) == (3, 6, len(data), True)
    assert record.end_utc_us == T0 + 4 * 100_000


def test_two_files_of_the_same_content_have_nothing_in_common(keyring):
    first, second = (b"".join(sealed(keyring)) for _ in range(2))
    shared = sum(a == b for a, b in zip(first[-400:-40], second[-400:-40], strict=True))
    assert first != second
    assert parse_header(first).encapsulation != parse_header(second).encapsulation
    assert parse_header(first).nonce_prefix != parse_header(second).nonce_prefix
    assert shared < 300  # the footer's table is in the clear


@many
@given(data=st.data())
def test_no_bit_can_be_flipped_unseen(keyring, put, data):
    whole = b"".join(sealed(keyring))
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    path = put(whole[:at] + bytes((whole[at] ^ 1 << bit,)) + whole[at + 1 :])
    with pytest.raises(Damaged):
        verified(path, keyring)


def test_each_byte_of_a_file_is_guarded_and_those_of_the_footer_cost_nothing(keyring, put):
    parts = sealed(keyring, CONTENT[:3])
    whole = b"".join(parts)
    footer = len(whole) - 3 * 37 - 12
    clear = len(whole) - len(parts[-1])  # from the end record on each bit: what is in the clear is easily overlooked
    flips = [(at, bit) for at in range(len(whole)) for bit in range(8) if at >= clear or bit == at % 8]
    for at, bit in flips:
        path = put(whole[:at] + bytes((whole[at] ^ 1 << bit,)) + whole[at + 1 :])
        with pytest.raises(Damaged):
            verified(path, keyring)
        if at >= footer:
            assert contents(path, keyring) == CONTENT[:3], at


def test_a_record_that_was_changed_costs_itself_only(keyring, put):
    parts = sealed(keyring)
    whole, start = b"".join(parts), len(parts[0]) + len(parts[1])
    for at in range(start, start + len(parts[2])):
        with SegmentReader(put(whole[:at] + bytes((whole[at] ^ 1 << at % 8,)) + whole[at + 1 :]), keyring) as reader:
            opened = {}
            for row in reader.table:
                try:
                    opened[row.index] = reader.read(row.index)
                except Damaged:
                    continue
        expected = {n: data for n, data in enumerate(CONTENT) if n != 1}
        checksum = start + RECORD_HEAD.size - 4 <= at < start + RECORD_HEAD.size  # only a torn tail is told by it
        assert opened == (dict(enumerate(CONTENT)) if checksum else expected), at - start


@many
@given(data=st.data())
def test_what_opens_of_a_changed_file_is_what_was_sealed(keyring, put, data):
    whole = b"".join(sealed(keyring))
    at, change = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.binary(min_size=1, max_size=40))
    path = put(whole[:at] + change + whole[at + len(change) :])
    try:
        with SegmentReader(path, keyring) as reader:
            for row in reader.table:
                try:
                    assert reader.read(row.index) == CONTENT[row.index]
                except Damaged:
                    continue
    except Damaged:
        pass


def test_a_file_that_was_cut_off_keeps_every_whole_record(keyring, put):
    parts = sealed(keyring)
    whole, records = b"".join(parts), len(CONTENT)
    ends = [sum(map(len, parts[: n + 1])) for n in range(records + 1)]  # of the header, of each record
    for size in range(len(whole)):
        path = put(whole[:size])
        if size < ends[0]:
            with pytest.raises(Damaged):
                scan(path)
            continue
        kept = sum(end <= size for end in ends) - 1
        found = scan(path)
        end_record = RECORD_HEAD.size + 32 + 16 if size >= ends[-1] + RECORD_HEAD.size + 32 + 16 else 0
        assert (len(found.table), found.complete, found.whole_bytes) == (kept, False, ends[kept] + end_record), size
        assert contents(path, keyring) == CONTENT[:kept]


def test_a_torn_record_that_has_its_full_length_is_seen_without_a_key(keyring, put):
    parts = sealed(keyring, finished=False)
    path = put(b"".join(parts)[:-5] + b"\0" * 5)  # a crash may leave zeros where data had not been written
    assert len(scan(path).table) == len(CONTENT) - 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda own, other: [own[0], own[2], own[1], *own[3:]], id="swapped"),
        pytest.param(lambda own, other: [own[0], own[1], *own[3:]], id="left out"),
        pytest.param(lambda own, other: [own[0], own[1], own[1], *own[2:]], id="twice"),
        pytest.param(lambda own, other: [own[0], own[1], other[2], *own[3:]], id="of another file"),
        pytest.param(lambda own, other: [other[0], *own[1:]], id="another header"),
        pytest.param(lambda own, other: [*own[:-1], other[-1]], id="another end"),
        pytest.param(lambda own, other: [*own[:-2], own[-1]], id="the last one cut out"),
        pytest.param(lambda own, other: [*own, b"\0"], id="something behind"),
    ],
)
def test_records_cannot_be_moved_about(keyring, put, change):
    own, other = sealed(keyring), sealed(keyring, number=2)
    with pytest.raises(Damaged):
        verified(put(b"".join(change(own, other))), keyring)


def test_a_footer_that_lies_about_the_records_is_not_believed(keyring, put):
    parts = sealed(keyring)
    short = sealed(keyring, CONTENT[:2], number=3)
    for ending in (short[-1], b"", struct.pack(">I8s", 1 << 31, FOOTER_MAGIC), struct.pack(">I8s", 0, FOOTER_MAGIC)):
        path = put(b"".join(parts[:-1]) + ending)
        assert contents(path, keyring) == CONTENT
        with pytest.raises(Damaged):
            verified(path, keyring)


def test_another_vault_opens_nothing(keyring, put, tmp_path):
    path = put(b"".join(sealed(keyring)))
    stranger = Keyring.create(tmp_path / "other", PASSPHRASE, now_us=T0)
    with pytest.raises(Damaged):
        contents(path, stranger)


def test_a_locked_vault_opens_nothing_and_seals_on(keyring, put, tmp_path):
    own = Keyring.create(tmp_path / "own", PASSPHRASE, now_us=T0)
    own.lock()
    path = put(b"".join(sealed(own)))
    with pytest.raises(VaultLocked):
        contents(path, own)
    own.unlock(PASSPHRASE)
    assert verified(path, own) == CONTENT


def test_a_key_that_the_header_does_not_commit_to_opens_nothing(keyring, put, monkeypatch):
    """All else is right: AES-GCM alone would open it, and perhaps under another key as well."""
    derive = sealer_module.derive
    monkeypatch.setattr(sealer_module, "derive", lambda key, context: (derive(key, context)[0], bytes(32)))
    path = put(b"".join(sealed(keyring)))
    with pytest.raises(Damaged, match="commit"):
        contents(path, keyring)


def test_a_footer_with_flags_that_nobody_knows_is_not_used(keyring, put):
    parts = sealed(keyring)
    whole, table = b"".join(parts), len(b"".join(parts)) - 12 - 37 * len(CONTENT)
    for row, bit in ((row, bit) for row in range(len(CONTENT)) for bit in range(1, 8)):
        at = table + row * 37 + 32
        assert scan(put(whole[:at] + bytes((whole[at] ^ 1 << bit,)) + whole[at + 1 :])).complete is False


def test_an_epoch_that_the_vault_does_not_have_is_named(keyring, put):
    sealing = VaultSealer(keyring.public_key, 7).begin(header())
    with pytest.raises(Damaged, match="epoch 7"):
        contents(put(sealing.header_bytes + sealing.finish()), keyring)


def test_a_picture_is_a_file_of_one_record(keyring, put):
    path = put(seal_whole(VaultSealer(keyring.public_key, 1), header(kind=ContentKind.PICTURE), b"jpeg" * 99))
    assert open_whole(path, keyring) == b"jpeg" * 99
    assert scan(path).header.kind is ContentKind.PICTURE


def test_reading_a_record_that_is_not_there_is_a_fault(keyring, put):
    with SegmentReader(put(b"".join(sealed(keyring))), keyring) as reader:
        for index in (-1, len(CONTENT)):
            with pytest.raises(Damaged):
                reader.read(index)


def test_a_finished_segment_takes_nothing_more(keyring):
    sealing = VaultSealer(keyring.public_key, 1).begin(header())
    sealing.finish()
    with pytest.raises(Bug):
        sealing.finish()
    with pytest.raises(Bug):
        sealing.seal(b"x", start_90k=0, duration_90k=0, start_utc_us=0, is_key=False, video_frames=0)


def test_nothing_is_sealed_that_could_not_be_read_again(keyring, monkeypatch):
    sealing = VaultSealer(keyring.public_key, 1).begin(header())
    times = {"start_90k": 0, "duration_90k": 0, "start_utc_us": 0, "is_key": False, "video_frames": 0}
    monkeypatch.setattr(sealer_module, "MAX_RECORD", 100)
    with pytest.raises(Bug, match="large"):
        sealing.seal(bytes(85), **times)
    sealing.seal(bytes(84), **times)
    monkeypatch.setattr(sealer_module, "MAX_RECORDS", 3)
    sealing.seal(b"x", **times)
    with pytest.raises(Bug, match="one more"):
        sealing.seal(b"x", **times)


def test_a_file_without_records_verifies_as_nothing(keyring, put):
    with pytest.raises(Damaged, match="nothing"):
        verified(put(b"".join(sealed(keyring, []))), keyring)


# what others may hand us

FIXED = struct.Struct(">8sHHII")


def hostile_headers() -> list[bytes]:
    def made(
        magic: bytes = MAGIC, version: int = 1, suite: int = 1, text: bytes = b"{}", length: int | None = None
    ) -> bytes:
        said = len(text) if length is None else length
        return FIXED.pack(magic, version, suite, 1, said) + text + bytes(7) + struct.pack(">H", 10) + bytes(42)

    fields = {"segment_id": "a", "run_id": "a", "camera": "c", "stream": "s", "codecs": "", "kind": 1}
    numbers = {"start_utc_us": 0, "start_mono_us": 0, "start_90k": 0, "width": 0, "height": 0}
    return [
        b"",
        MAGIC,
        made(magic=b"\x89PNG\r\n\x1a\n"),
        made(version=2),
        made(suite=9),
        made(length=0xFFFFFFFF),
        made(text=b"[" * 60_000),
        made(text=b"\xff\xfe"),
        made(text=b"[]"),
        made(text=json.dumps({**fields, **numbers, "more": 1}).encode()),
        made(text=json.dumps({**fields, **numbers, "camera": 5}).encode()),
        made(text=json.dumps({**fields, **numbers, "width": True}).encode()),
        made(text=json.dumps({**fields, **numbers, "width": 1.5}).encode()),
        made(text=json.dumps({**fields, **numbers, "kind": 99}).encode()),
        made(text=json.dumps({**fields, **numbers, "camera": "\ud800"}).encode()),
        made(text=json.dumps({**fields, **numbers, "start_utc_us": MAX_NUMBER}).encode()),
        made(text=json.dumps({**fields, **numbers, "start_90k": -MAX_NUMBER}).encode()),
        made(text=json.dumps({**fields, **numbers}).replace(": 0", ": 1e999").encode()),
        made(text=json.dumps({**fields, **numbers}).replace(": 0", ": " + "9" * 5000).encode()),
        made(text=json.dumps({**fields, **numbers}).encode())[:-30],
    ]


@pytest.mark.parametrize("data", hostile_headers(), ids=range(len(hostile_headers())))
def test_a_header_that_is_none_is_a_fault(put, data):
    with pytest.raises(Damaged):
        scan(put(data))


@many
@given(st.binary(max_size=2000))
def test_any_bytes_are_a_fault_at_worst(put, data):
    for made in (data, MAGIC + data):
        with pytest.raises(Damaged):
            scan(put(made))


@many
@given(tail=st.binary(max_size=3000), huge=st.booleans())
def test_any_bytes_behind_the_records_cost_none_of_them(keyring, put, tail, huge):
    parts = sealed(keyring, finished=False)
    if huge:
        tail = RECORD_HEAD.pack(b"PAGr", 0xFFFFFFFF, 4, 0, 0, 0, 0, 0, 0) + tail
    path = put(b"".join(parts) + tail)
    for check_all in (False, True):
        assert [row.index for row in scan(path, check_all=check_all).table][: len(CONTENT)] == [0, 1, 2, 3]
    assert contents(path, keyring)[: len(CONTENT)] == CONTENT


@pytest.mark.parametrize("times", [(MAX_NUMBER, 0), (0, MAX_NUMBER), (0, -(1 << 63))], ids=str)
def test_times_that_no_index_takes_are_a_fault_in_head_and_table(keyring, put, times):
    start, utc = times
    parts = sealed(keyring, finished=False)
    wild = RECORD_HEAD.pack(b"PAGr", 16, len(CONTENT), 0, start, 0, utc, 0, 0) + bytes(16)
    assert len(scan(put(b"".join(parts) + wild)).table) == len(CONTENT)
    rows = [(len(parts[0]), len(parts[1]), start, 0, utc, 0, 0)]
    table = b"".join(struct.pack(">QIqIqBI", *row) for row in rows)
    end = sealed(keyring, [])[1][: RECORD_HEAD.size + 48]
    ending = table + struct.pack(">I8s", len(table), FOOTER_MAGIC)
    assert scan(put(parts[0] + parts[1] + end + ending)).table[0].start_90k == 0


@pytest.mark.parametrize("length", [1 << 20, (1 << 28) - 8192, 0xFFFFFFFF])
def test_a_footer_that_says_it_is_huge_takes_no_memory(keyring, tmp_path, length):
    path = tmp_path / "huge.pgs"
    with path.open("wb") as file:  # a sparse file
        file.write(b"".join(sealed(keyring, finished=False)))
        file.seek(1 << 28)
        file.write(struct.pack(">I8s", length, FOOTER_MAGIC))
    tracemalloc.start()
    try:
        assert len(scan(path).table) == len(CONTENT)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_a_row_that_is_larger_than_any_record_is_not_read(keyring, tmp_path):
    parts, path = sealed(keyring, CONTENT[:1]), tmp_path / "huge.pgs"
    size = (64 << 20) + RECORD_HEAD.size + 1
    table = struct.pack(">QIqIqBI", len(parts[0]), size, 0, 9000, T0, 1, 0)
    with path.open("wb") as file:
        file.write(parts[0] + parts[1])
        file.seek(len(parts[0]) + size)
        file.write(parts[2][: RECORD_HEAD.size + 48] + table + struct.pack(">I8s", len(table), FOOTER_MAGIC))
    assert [row.size for row in scan(path).table] == [len(parts[1])]


def test_a_record_head_says_what_it_packs():
    packed = RECORD_HEAD.pack(b"PAGr", 100, 3, 1, -5, 9000, T0, 30, 77)
    head = parse_record_head(packed)
    assert (head.size, head.index, head.flags, head.start_90k, head.video_frames) == (100, 3, 1, -5, 30)
    assert head.bound() == packed[:-4]


# vectors: files made once, which every later reader must open


def test_the_vectors_open(tmp_path):
    keyring = Keyring.load(VECTORS)
    with pytest.raises(GuardianError):
        contents(VECTORS / "whole.pgs", keyring)
    keyring.unlock(PASSPHRASE)
    expected = [b"init segment", b"first fragment", b"second fragment"]
    assert verified(VECTORS / "whole.pgs", keyring) == expected
    assert contents(VECTORS / "torn.pgs", keyring) == expected[:2]
    found = scan(VECTORS / "whole.pgs")
    assert [row.start_90k for row in found.table] == [0, 0, 180_000]
    assert os.stat(VECTORS / "whole.pgs").st_size == found.whole_bytes
