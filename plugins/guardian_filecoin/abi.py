"""Solidity's ABI, as much as the archive speaks: numbers, addresses, bytes, texts, and lists of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from guardian.sdk import Damaged
from guardian_filecoin.keccak import keccak256

WORD = 32
ADDRESS_BYTES = 20


def address_bytes(text: str) -> bytes:
    """Return the 20 bytes of an address in hex. ValueError where it is none."""
    data = bytes.fromhex(text.removeprefix("0x"))
    if len(data) != ADDRESS_BYTES:
        raise ValueError(f"{text!r} is no address of {ADDRESS_BYTES} bytes")
    return data


def address_text(data: bytes) -> str:
    """Return an address in hex, its letters' case the checksum of EIP-55."""
    plain = data[-ADDRESS_BYTES:].hex()
    digest = keccak256(plain.encode()).hex()
    return "0x" + "".join(one.upper() if int(by, 16) >= 8 else one for one, by in zip(plain, digest, strict=False))


def selector(signature: str) -> bytes:
    """Return the four bytes that name a function, such as `getPriceList()`."""
    return keccak256(signature.encode())[:4]


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """Encode values of the types `uint256`, `address`, `bytes`, `string`, and lists (`string[][]`) of them."""
    heads: list[bytes] = []
    tails: list[bytes] = []
    at = WORD * len(types)
    for kind, value in zip(types, values, strict=True):
        if _is_dynamic(kind):
            tail = _dynamic(kind, value)
            heads.append(at.to_bytes(WORD, "big"))
            tails.append(tail)
            at += len(tail)
        else:
            heads.append(_word(kind, value))
    return b"".join(heads + tails)


def _is_dynamic(kind: str) -> bool:
    return kind in ("bytes", "string") or kind.endswith("[]")


def _dynamic(kind: str, value: Any) -> bytes:
    if kind.endswith("[]"):
        return len(value).to_bytes(WORD, "big") + encode([kind[:-2]] * len(value), value)
    data = value.encode() if kind == "string" else bytes(value)
    return len(data).to_bytes(WORD, "big") + data + bytes(-len(data) % WORD)


def _word(kind: str, value: Any) -> bytes:
    if kind == "address":
        return bytes(WORD - ADDRESS_BYTES) + address_bytes(value)
    if kind == "uint256":
        return int(value).to_bytes(WORD, "big")
    raise ValueError(f"the ABI type {kind} is not used here")


def words(data: bytes, at_least: int) -> list[int]:
    """Read an answer that is words only. Damaged where there are fewer."""
    if len(data) < WORD * at_least:
        raise Damaged(f"a contract answered {len(data)} bytes where {WORD * at_least} belong")
    return [int.from_bytes(data[at : at + WORD], "big") for at in range(0, len(data) // WORD * WORD, WORD)]
