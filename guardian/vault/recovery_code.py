"""The recovery code: 140 random bits as a person writes them down and types them in again.

Eight groups of five, such as `7K3QX-…`. In each group four symbols are followed by a check symbol; the last group is a checksum
of all others. So a slip of the pen is told from a code of another vault, mostly with the group that it is in.
"""

from __future__ import annotations

import hashlib
import re
import secrets

from guardian.model.errors import MistypedCode

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: neither I, L, O nor U
GROUPS, GROUP, SYMBOLS = 8, 5, 4  # groups, characters of one, and how many of them are not its check
LENGTH = GROUPS * GROUP
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}
_WEIGHTS = (2, 4, 8, 16)
_SUM = b"private-ai-guardian recovery code v1\x00"


def generate_code() -> str:
    """Return a fresh code, in groups."""
    return _written([secrets.randbelow(32) for _ in range((GROUPS - 1) * SYMBOLS)])


def parse_code(typed: str) -> bytearray:
    """Return the 28 random symbols as ASCII, from which keys are derived. MistypedCode says where the slip is.

    Lower case, blanks, dashes, O for 0 and I or L for 1 are taken.
    """
    groups = [group for group in re.split(r"[\s\-‐-―_.:,;]+", typed.strip()) if group]
    values = _values(groups)
    wrong = [n + 1 for n in range(GROUPS) if not _group_is_right(values, n)]
    if wrong:
        raise MistypedCode(
            f"the recovery code has a slip in {_groups(wrong)}", field="code", cure="Compare it with the page."
        )
    data = [value for n in range(GROUPS - 1) for value in values[n * GROUP :][:SYMBOLS]]
    if _checksum(data) != values[-GROUP:][:SYMBOLS]:
        raise MistypedCode(
            "the recovery code has several slips", field="code", cure="Compare each group with the page, and their order."
        )
    return _symbols(data)


def _values(groups: list[str]) -> list[int]:
    if len(groups) == GROUPS:
        odd = [n + 1 for n, group in enumerate(groups) if len(group) != GROUP]
        if odd:
            raise MistypedCode(f"{_groups(odd)} of the recovery code must have {GROUP} characters", field="code")
    text = "".join(groups).upper()
    if len(text) != LENGTH:
        raise MistypedCode(
            f"the recovery code has {len(text)} characters where {LENGTH} belong",
            field="code",
            cure=f"Type all {GROUPS} groups of {GROUP}.",
        )
    unknown = sorted({at // GROUP + 1 for at, symbol in enumerate(text) if symbol not in _VALUES})
    if unknown:
        raise MistypedCode(
            f"the recovery code has a character in {_groups(unknown)} that no code has",
            field="code",
            cure="It has digits and letters without I, L, O and U.",
        )
    return [_VALUES[symbol] for symbol in text]


def _groups(numbers: list[int]) -> str:
    words = ", ".join(map(str, numbers[:-1]))
    return f"groups {words} and {numbers[-1]}" if words else f"group {numbers[0]}"


def _written(data: list[int]) -> str:
    values = data + _checksum(data)
    groups = [values[at : at + SYMBOLS] for at in range(0, len(values), SYMBOLS)]
    return "-".join("".join(ALPHABET[v] for v in [*group, _check(group, n)]) for n, group in enumerate(groups))


def _symbols(data: list[int]) -> bytearray:
    return bytearray(ord(ALPHABET[value]) for value in data)


def _checksum(data: list[int]) -> list[int]:
    """The first 20 bits of a hash, as four symbols."""
    number = int.from_bytes(hashlib.sha256(_SUM + _symbols(data)).digest()[:4], "big") >> 12
    return [number >> shift & 31 for shift in (15, 10, 5, 0)]


def _group_is_right(values: list[int], n: int) -> bool:
    group = values[n * GROUP :][:GROUP]
    return group[SYMBOLS] == _check(group[:SYMBOLS], n)


def _check(symbols: list[int], n: int) -> int:
    """Weighted sum in GF(32), plus the group's number: one wrong symbol, two swapped ones and swapped groups are all found."""
    total = n
    for weight, symbol in zip(_WEIGHTS, symbols, strict=True):
        total ^= _times(weight, symbol)
    return total


def _times(a: int, b: int) -> int:
    """Multiply in GF(2^5), modulo x^5 + x^2 + 1."""
    product = 0
    for bit in range(5):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(9, 4, -1):
        if product >> bit & 1:
            product ^= 0b100101 << bit - 5
    return product
