"""What a camera's watch does right now, for people who want to know why it woke, or what it left out."""

from dataclasses import dataclass

AWAKE = 101
HISTORY_S = 120


@dataclass(frozen=True, slots=True)
class WatchState:
    """`awake`: each frame is decoded; else keyframes are glanced at. `why` and `woke_us`: what woke it last, and when (UTC).

    `excess` of packet sizes over the usual, summed up, wakes at `alarm` (docs/watch.md). `motion_share`: of the picture, in
    the last frame looked at. Counters are since the process began: `packets` came, `decoded` of them became frames,
    `glances` at keyframes while calm, `wakes` by reason, `looks` by inference at `crops`; `skipped_looks` because inference
    was busy, `skipped_packets` because watching fell behind. `history`: of each of the last seconds, the oldest first, the
    peak of `excess` in percent of `alarm`, or `AWAKE`.
    """

    awake: bool = True
    why: str = "start"
    woke_us: int = 0
    excess: float = 0.0
    alarm: float = 0.0
    packet_bytes: int = 0
    usual_bytes: int = 0
    motion_share: float = 0.0
    packets: int = 0
    decoded: int = 0
    glances: int = 0
    calm_s: int = 0
    wakes: tuple[tuple[str, int], ...] = ()
    looks: int = 0
    crops: int = 0
    skipped_looks: int = 0
    skipped_packets: int = 0
    history: tuple[int, ...] = ()
    decoder: str = ""  # what decodes, such as "software" or "cuda"
