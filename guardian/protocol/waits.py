"""How long to wait before calling again somebody who is away. Pure.

Decorrelated jitter (M. Brooker, "Exponential Backoff And Jitter", 2015): a thousand homes whose relay or cloud comes back do not
all call at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0


def next_wait(before_s: float, chance: Callable[[], float] = random.random) -> float:
    """Return anything from the first wait to three times the one before."""
    return min(LONGEST_WAIT_S, FIRST_WAIT_S + chance() * (3 * before_s - FIRST_WAIT_S))
