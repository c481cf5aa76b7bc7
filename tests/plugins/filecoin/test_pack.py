"""Packs come back byte for byte, show nothing, and open in no other way."""

import hashlib
import io
import os
from collections import Counter
from math import log2

import pytest
from guardian_filecoin.hashing import name, name_apart
from guardian_filecoin.layout import Layout, read_start
from guardian_filecoin.pack import (
    BUCKETS_MIB,
    CHUNK_BYTES,
    HEAD_BYTES,
    Entry,
    PackReader,
    PackWriter,
    bucket_for,
    capacity,
)
from guardian_filecoin.unixfs import LEAF_BYTES

from guardian.sdk import Damaged
from guardian.vault import hpke, plugin_keys

PRIVATE, PUBLIC = hpke.generate()
MOST_UPLOAD = 1_065_353_216


def seal(key):
    return plugin_keys.seal(PUBLIC, "filecoin", key)


def unseal(sealed, private=PRIVATE, plugin="filecoin"):
    return plugin_keys.opened(sealed, plugin, [private])


def made(files, mib):
    out = io.BytesIO()
    writer = PackWriter(out, mib, [Entry(path, len(data)) for path, data in files], 1_700_000_000_000_000, seal)
    for _, data in files:
        for at in range(0, len(data), 300_000):
            writer.add(data[at : at + 300_000])
    writer.finish()
    return out.getvalue()


def opened(pack, open_key=unseal):
    leaves = [pack[at : at + LEAF_BYTES] for at in range(0, len(pack), LEAF_BYTES)]
    return PackReader(len(leaves), leaves.__getitem__, open_key)


FILES = [
    ("front-door-canary/main/2026-11-28/a.pgs", b"\x89PAGS canary" + bytes(700_000)),
    ("front-door-canary/main/2026-11-28/b.pgs", b""),
    ("garden/sub/2026-11-28/c.pgs", b"\x00\x01" * 900_000),
]


@pytest.fixture(scope="module")
def pack():
    return made(FILES, 4)


def test_a_pack_comes_back(pack):
    assert len(pack) == 4 * LEAF_BYTES
    reader = opened(pack)
    assert [one.path for one in reader.entries] == [path for path, _ in FILES]
    assert [b"".join(reader.file(number)) for number in range(3)] == [data for _, data in FILES]
    assert reader.made_us == 1_700_000_000_000_000


def test_a_pack_shows_nothing(pack):
    for word in (b"canary", b"front-door", b"garden", b"PAGS", b"2026", b"argon", b"guardian", b"files"):
        assert word not in pack
    counts = Counter(pack)
    assert -sum(n / len(pack) * log2(n / len(pack)) for n in counts.values()) > 7.999
    other = made(FILES, 4)
    same = sum(a == b for a, b in zip(pack[:HEAD_BYTES], other[:HEAD_BYTES], strict=True))
    assert same < 30  # of 1200: nothing that two packs of one owner share, no magic, no epoch


@pytest.mark.parametrize("at", [0, 500, 1168, 1199, HEAD_BYTES, LEAF_BYTES + 5, 4 * LEAF_BYTES - 1])
def test_a_flipped_bit_is_found(pack, at):
    changed = bytearray(pack)
    changed[at] ^= 1
    with pytest.raises(Damaged):
        list(opened(bytes(changed)).content(0, capacity(4)))


def test_moved_cut_and_foreign_parts_are_found(pack):
    one, two, three, four = (pack[at : at + LEAF_BYTES] for at in range(0, len(pack), LEAF_BYTES))
    for bad in (one + three + two + four, one + two + three, two + one + three + four):
        with pytest.raises(Damaged):
            list(opened(bad).content(0, capacity(len(bad) // LEAF_BYTES)))
    stranger, _ = hpke.generate()
    with pytest.raises(Damaged, match="another vault"):
        opened(pack, lambda sealed: unseal(sealed, stranger))
    with pytest.raises(Damaged, match="another plugin"):
        opened(pack, lambda sealed: unseal(sealed, plugin="search"))
    with pytest.raises(Damaged, match="commit"):
        opened(pack, lambda _: os.urandom(32))


def test_files_that_changed_meanwhile_make_no_pack():
    writer = PackWriter(io.BytesIO(), 1, [Entry("a", 10)], 0, seal)
    writer.add(bytes(9))
    with pytest.raises(ValueError, match="shorter"):
        writer.finish()
    with pytest.raises(ValueError, match="longer"):
        writer.add(bytes(2))
    with pytest.raises(ValueError, match="does not hold"):
        PackWriter(io.BytesIO(), 1, [Entry("a", 2 * LEAF_BYTES)], 0, seal).add(bytes(2 * LEAF_BYTES))


def test_sizes_are_few_and_every_car_is_small_enough_to_upload():
    assert capacity(1) == CHUNK_BYTES - HEAD_BYTES
    assert bucket_for([Entry("a", capacity(1) - 60)], 0) == 1
    assert bucket_for([Entry("a", capacity(1))], 0) == 4
    assert bucket_for([Entry("a", capacity(1008))], 0) is None
    largest = Layout(tuple(bytes([index % 256]) * 32 for index in range(BUCKETS_MIB[-1])))
    assert largest.car_bytes <= MOST_UPLOAD


def test_the_car_is_where_its_layout_says(pack, tmp_path):
    path = tmp_path / "pack"
    path.write_bytes(pack)
    named = name(path)
    assert named == name_apart(path)
    layout = named.layout
    with path.open("rb") as file:
        whole = b"".join(layout.parts(file))
        assert len(whole) == layout.car_bytes
        for start in (1, 100, len(layout.start), len(layout.start) + 7, layout.leaf_at(2) + 3, layout.car_bytes - 1):
            assert b"".join(layout.parts(file, start)) == whole[start:]
    for index in range(4):
        leaf = whole[layout.leaf_at(index) : layout.leaf_at(index) + LEAF_BYTES]
        assert leaf == pack[index * LEAF_BYTES : (index + 1) * LEAF_BYTES]
        assert layout.leaf_cid(index).matches(leaf)
    root, leaves = read_start(whole[: len(layout.start)])
    assert str(root) == named.root
    assert [leaf.digest for leaf in leaves] == list(layout.digests)


def test_a_pack_of_one_leaf_is_its_own_root(tmp_path):
    path = tmp_path / "pack"
    path.write_bytes(made([("a", b"x")], 1))
    named = name(path)
    with path.open("rb") as file:
        whole = b"".join(named.layout.parts(file))
    assert read_start(whole[: len(named.layout.start)]) == (named.layout.root, (named.layout.root,))
    assert named.layout.root.digest == hashlib.sha256(path.read_bytes()).digest()


def test_a_cut_pack_is_not_named(tmp_path):
    path = tmp_path / "pack"
    path.write_bytes(bytes(LEAF_BYTES + 1))
    with pytest.raises(Damaged, match="cut off"):
        name_apart(path)


def test_a_car_of_something_else_is_no_pack():
    layout = Layout((bytes(32), bytes(32)))
    start = bytearray(layout.start)
    with pytest.raises(Damaged):
        read_start(bytes(start[:-1]))
    with pytest.raises(Damaged):
        read_start(bytes(start[:-4]) + b"\x00" * 4)
