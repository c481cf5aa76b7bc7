"""The generic cell rate algorithm: one number a key, the time at which its bucket is empty again. Pure."""

from __future__ import annotations

from guardian_cloud.ephemeral.contract import Rate


def step(empty_at_s: float, now_s: float, rate: Rate) -> tuple[float, float]:
    """Return when the bucket is empty after one more use, and the seconds to wait: 0 where it is allowed."""
    interval = 1 / rate.per_s
    start = max(empty_at_s, now_s)
    wait_s = start + interval - now_s - rate.burst * interval
    return (empty_at_s, wait_s) if wait_s > 1e-9 else (start + interval, 0.0)
