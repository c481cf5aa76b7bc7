"""Fr32 and the piece commitment, against the published vectors and against a slow second implementation."""

import hashlib

import numpy as np
import pytest
from guardian_filecoin import commp
from guardian_filecoin.cid import parse
from guardian_filecoin.commp import CHUNK_BYTES, Piece, PieceHasher, piece_of, piece_of_cid, zeros
from guardian_filecoin.fr32 import pad
from hypothesis import given
from hypothesis import strategies as st

from guardian.sdk import Damaged
from tests.plugins.filecoin.vectors import read, rows

FRC = read("frc-0069.json")


@pytest.mark.parametrize(("name", "byte"), [("commp-zero.txt", 0), ("commp-cc.txt", 0xCC)])
def test_the_vectors_of_commp_hashhash(name, byte):
    found = rows(name)
    assert len(found) == 18
    for size, padded, cid in found:
        piece = piece_of(bytes([byte]) * size)
        assert (str(piece.cid_v1), piece.padded_bytes) == (cid, padded)


@pytest.mark.parametrize("case", FRC["payloads"], ids=lambda case: f"padding-{case['padding']}-{case['height']}")
def test_the_payloads_of_frc_0069(case):
    piece = piece_of(b"".join(bytes([byte]) * count for byte, count in case["runs"]))
    assert (piece.padding, piece.height, str(piece.cid_v2)) == (case["padding"], case["height"], case["v2"])
    assert "v1" not in case or str(piece.cid_v1) == case["v1"]
    assert piece_of_cid(parse(case["v2"])) == piece


@pytest.mark.parametrize("case", FRC["zero_pieces"], ids=lambda case: str(case["padded"]))
def test_the_zero_pieces_of_frc_0069(case):
    height = (case["padded"] // 32).bit_length() - 1
    piece = Piece(zeros(height), height, case["padded"] // 128 * 127)
    assert (str(piece.cid_v1), str(piece.cid_v2)) == (case["v1"], case["v2"])


def slow_pad(quad):
    """Fr32 as its text says it: a number of 1016 bits, four groups of 254, each in 256."""
    number = int.from_bytes(quad, "little")
    groups = [(number >> 254 * n) & ((1 << 254) - 1) for n in range(4)]
    return b"".join(group.to_bytes(32, "little") for group in groups)


@given(st.binary(min_size=127, max_size=127))
def test_fr32_is_what_its_definition_says(quad):
    assert pad(quad).tobytes() == slow_pad(quad)


def slow_root(payload):
    payload += bytes(-len(payload) % 127 or (0 if payload else 127))
    level = [
        slow_pad(payload[at : at + 127])[part : part + 32] for at in range(0, len(payload), 127) for part in (0, 32, 64, 96)
    ]
    level += [bytes(32)] * ((1 << (len(level) - 1).bit_length()) - len(level))
    while len(level) > 1:
        pairs = (hashlib.sha256(level[at] + level[at + 1]).digest() for at in range(0, len(level), 2))
        level = [digest[:31] + bytes([digest[31] & 0x3F]) for digest in pairs]
    return level[0]


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_it_is_the_same_however_the_payload_comes(payload, step):
    hasher = PieceHasher()
    for at in range(0, len(payload), step):
        hasher.update(payload[at : at + step])
    assert hasher.finish() == piece_of(payload)
    assert piece_of(payload).root == slow_root(payload)


@pytest.mark.parametrize("size", [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 128, 5 * CHUNK_BYTES])
def test_large_payloads_are_joined_from_parts(size, monkeypatch):
    payload = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    whole = piece_of(payload)
    monkeypatch.setattr(commp, "CHUNK_HEIGHT", 16)
    monkeypatch.setattr(commp, "CHUNK_BYTES", 2 * CHUNK_BYTES)
    assert piece_of(payload) == whole


@pytest.mark.parametrize("text", ["bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", FRC["payloads"][3]["v1"]])
def test_what_is_no_piece_cid_is_refused(text):
    with pytest.raises(Damaged, match="no piece CID"):
        piece_of_cid(parse(text))


def test_a_piece_cid_that_claims_an_impossible_padding_is_refused():
    piece = Piece(bytes(32), 4, 127)  # would have fitted a tree half as high
    with pytest.raises(Damaged, match="padding"):
        piece_of_cid(piece.cid_v2)
