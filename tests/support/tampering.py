"""Sealed files as somebody leaves them who can write to the disk, and what our own reader says of each."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from guardian.model.errors import Damaged, GuardianError
from guardian.model.segment import ContentKind, SegmentHeader
from guardian.vault.format import pack_footer, pack_table
from guardian.vault.keyring import Keyring
from guardian.vault.reader import SegmentReader
from guardian.vault.sealer import VaultSealer

UTC = 1_795_392_000_000_000
RECORDS = 4
Parts = tuple[bytes, ...]  # header, the records, the end record, the footer


@st.composite
def tampered(draw: st.DrawFn, one: Parts, other: Parts) -> bytes:
    """Draw a file that is neither of the two: bits flipped, parts or bytes swapped, left out, doubled or from the other."""
    whole, again = b"".join(one), b"".join(other)
    change = draw(st.sampled_from(("flip", "flip", "flip", "parts", "splice", "cut", "swap", "end", "other")))
    if change == "parts":
        places = st.tuples(st.integers(0, 1), st.integers(0, len(one) - 1))
        plan = draw(st.lists(places, min_size=1, max_size=len(one) + 1))
        content = b"".join((one, other)[which][part] for which, part in plan)
    elif change == "flip":  # as often in a small field at either end of a part as in all the ciphertext between
        part = draw(st.integers(0, len(one) - 1))
        last, begin = len(one[part]) - 1, len(b"".join(one[:part]))
        near = st.integers(0, min(63, last))
        at = draw(st.one_of(near, near.map(lambda back: last - back), st.integers(0, last)))
        content = flipped(whole, begin + at, draw(st.integers(0, 7)))
    elif change == "splice":
        at, source = draw(st.integers(0, len(one) - 1)), draw(st.integers(0, len(one) - 1))
        content = b"".join((*one[:at], other[source], *one[at + 1 :]))
    else:
        place = st.integers(0, len(whole) - 1)
        a, b, c = sorted(draw(st.tuples(place, place, place)))
        content = {
            "cut": lambda: whole[:a] + whole[b:],
            "swap": lambda: whole[:a] + whole[b:c] + whole[a:b] + whole[c:],
            "end": lambda: whole[:a],
            "other": lambda: whole[:a] + again[a:b] + whole[b:],
        }[change]()
    return content if content not in (whole, again) else whole[:-1]


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
        found += [flipped(whole, at + place, dice.randrange(8)) for place in sorted(places)]
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


def flipped(whole: bytes, at: int, bit: int) -> bytes:
    return whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
