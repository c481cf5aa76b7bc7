"""Varints, CIDs, UnixFS trees and CARs, against the published vectors; what is cut off or altered is refused."""

import io

import pytest
from guardian_filecoin import car, varint
from guardian_filecoin.cid import RAW, Cid, of_bytes, parse, read
from guardian_filecoin.unixfs import LEAF_BYTES, Link, leaf, tree
from hypothesis import given
from hypothesis import strategies as st

from guardian.sdk import Damaged
from tests.plugins.filecoin import vectors

UNIXFS = vectors.read("unixfs.json")
BASIC = vectors.read("carv1-basic.json")


@given(st.integers(0, 2**63 - 1), st.binary(max_size=4))
def test_varints_come_back(number, after):
    data = varint.encode(number)
    assert varint.decode(data + after) == (number, len(data))


@pytest.mark.parametrize(
    "data",
    [b"", b"\x80", b"\xff" * 9 + b"\x01", b"\x80\x00", b"\x81\x80\x00"],
    ids=["empty", "cut", "long", "zero", "padded"],
)
def test_bad_varints_are_refused(data):
    with pytest.raises(Damaged):
        varint.decode(data)


@given(st.binary(max_size=64))
def test_cids_come_back(data):
    cid = of_bytes(data)
    assert parse(str(cid)) == cid == read(bytes(cid))[0]
    assert cid.matches(data)
    assert not cid.matches(data + b"x")


@pytest.mark.parametrize(
    "text", ["", "Qm", "bafy", "zb2rhe5", "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5", "b!"]
)
def test_what_is_no_cid_is_refused(text):
    with pytest.raises(Damaged):
        parse(text)


def name_of(parts):
    return str(tree([leaf(part) for part in parts]).root.cid)


@pytest.mark.parametrize("case", UNIXFS["small"], ids=lambda case: case["text"])
def test_a_small_file(case):
    assert name_of([case["text"].encode()]) == case["cid"]


@pytest.mark.parametrize("case", UNIXFS["streams"], ids=lambda case: str(case["bytes"]))
def test_files_of_one_leaf_and_of_one_byte_more(case):
    assert name_of(vectors.keystream(case["seed"], case["bytes"], LEAF_BYTES)) == case["cid"]


@pytest.mark.parametrize("case", UNIXFS["long_streams"][1:], ids=lambda case: str(case["bytes"]))
def test_a_file_with_one_leaf_more_than_a_node_has_links(case):
    parts = vectors.keystream(case["seed"], case["bytes"], LEAF_BYTES)
    leaves = [leaf(part) for part in parts]
    assert str(tree(leaves).root.cid) == case["cid"]
    assert str(tree(leaves[:-1]).root.cid) == UNIXFS["long_streams"][0]["cid"]


def test_the_file_of_gateway_conformance():
    given_ = UNIXFS["gateway_conformance"]
    sizes = [min(given_["chunk"], given_["bytes"] - at) for at in range(0, given_["bytes"], given_["chunk"])]
    leaves = [Link(parse(text), size, size) for text, size in zip(given_["leaves"], sizes, strict=True)]
    made = tree(leaves)
    assert str(made.root.cid) == given_["root"]
    ((_, block),) = made.nodes
    assert len(block) == given_["root_block_bytes"]


def test_the_basic_car_is_read_and_written_as_it_is():
    data = bytes.fromhex(BASIC["car"])
    file = io.BytesIO(data)
    roots = car.read_header(file)
    assert [str(root) for root in roots] == BASIC["roots"]
    found = list(car.blocks(file))
    assert len(found) == BASIC["blocks"]
    written = car.header(roots) + b"".join(car.section_head(cid, len(block)) + block for cid, block in found)
    assert written == data


def test_a_car_that_is_cut_off_anywhere_is_refused():
    data = bytes.fromhex(BASIC["car"])
    file = io.BytesIO(data)
    car.read_header(file)
    ends = {file.tell()}
    for _ in car.blocks(file):
        ends.add(file.tell())
    for cut in range(len(data)):
        file = io.BytesIO(data[:cut])
        if cut in ends:
            car.read_header(file)
            list(car.blocks(file))
        else:
            with pytest.raises(Damaged):
                (car.read_header(file), list(car.blocks(file)))


def test_a_car_with_a_changed_block_is_refused():
    data = bytearray.fromhex(BASIC["car"])
    data[-1] ^= 1
    file = io.BytesIO(data)
    car.read_header(file)
    with pytest.raises(Damaged, match="not what its name says"):
        list(car.blocks(file))


@pytest.mark.parametrize("data", [b"", b"\x01\xa0", car.header([])[:-1] + b"\x02", b"\x05\xa2eroo"], ids=str)
def test_what_is_no_car_is_refused(data):
    with pytest.raises(Damaged):
        car.read_header(io.BytesIO(data))


def test_an_unknown_hash_matches_nothing():
    assert not Cid(RAW, 0x13, bytes(64)).matches(b"")
