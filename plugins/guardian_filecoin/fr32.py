"""Fr32: 127 bytes of payload spread over 128, so that each 32 bytes are a number below the field's order (BLS12-381's scalars).

Each 1016 bits become four groups of 254, least bit first, with two zero bits after each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QUAD, PADDED = 127, 128  # bytes in, bytes out


def pad(payload: bytes | memoryview) -> NDArray[np.uint8]:
    """Return a payload of n * 127 bytes as n rows of 128."""
    given = np.frombuffer(payload, np.uint8).reshape(-1, QUAD)
    out = np.empty((len(given), PADDED), np.uint8)
    out[:, :32] = given[:, :32]
    for group, shift in ((1, 2), (2, 4), (3, 6)):
        at = 32 * group
        low = given[:, at - 1 : at + 31] >> (8 - shift)
        width = 32 if group < 3 else 31  # the last group ends one byte before the quad would
        out[:, at : at + width] = (given[:, at : at + width] << shift) | low[:, :width]
    out[:, 127] = given[:, 126] >> 2
    out[:, 31::32] &= 0x3F
    return out
