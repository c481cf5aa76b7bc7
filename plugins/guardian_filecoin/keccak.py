"""Keccak-256 as Ethereum uses it: SHA-3's sponge with the padding of before the standard, so `hashlib.sha3_256` is another hash.

Our own, for what brings it (eth-account with 15 further packages, 18 MB and 450 modules in the conductor) is not worth two
signatures a pack. Slow and short: it hashes a few hundred bytes.
"""

from __future__ import annotations

RATE = 136  # bytes a block: 1600 bits less twice the digest
_MASK = (1 << 64) - 1


def _constants() -> tuple[list[int], list[list[int]]]:
    """Round constants from the standard's shift register, and the rotations."""
    register, rounds = 1, []
    for _ in range(24):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << (1 << bit) - 1
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        rounds.append(constant)
    rotations = [[0] * 5 for _ in range(5)]
    x, y = 1, 0
    for step in range(24):
        rotations[x][y] = (step + 1) * (step + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return rounds, rotations


_ROUNDS, _ROTATIONS = _constants()


def _rotated(lane: int, by: int) -> int:
    return (lane << by | lane >> 64 - by) & _MASK


def _permute(lanes: list[list[int]]) -> list[list[int]]:
    five = range(5)
    for constant in _ROUNDS:
        column = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in five]
        mixed = [column[x - 1] ^ _rotated(column[(x + 1) % 5], 1) for x in five]
        moved = [[0] * 5 for _ in five]
        for x in five:
            for y in five:
                moved[y][(2 * x + 3 * y) % 5] = _rotated(lanes[x][y] ^ mixed[x], _ROTATIONS[x][y])
        lanes = [[moved[x][y] ^ (~moved[(x + 1) % 5][y] & moved[(x + 2) % 5][y]) for y in five] for x in five]
        lanes[0][0] ^= constant
    return lanes


def keccak256(data: bytes) -> bytes:
    """Return the 32 bytes of the hash."""
    padded = bytearray(data) + bytes(RATE - len(data) % RATE)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for at in range(0, len(padded), RATE):
        for lane in range(RATE // 8):
            lanes[lane % 5][lane // 5] ^= int.from_bytes(padded[at + 8 * lane : at + 8 * lane + 8], "little")
        lanes = _permute(lanes)
    return b"".join(lanes[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))
