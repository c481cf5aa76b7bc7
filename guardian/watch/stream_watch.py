"""One stream's packets → the frames that are worth decoding → the pipeline. No thread and no clock of its own: the watcher
feeds it live, and replay feeds it faster than real time.

While awake, packets are decoded as they come, up to the last frame that is due before the next keyframe: what follows it is never
decoded. When that keyframe comes is told by the one before; where it is not known, packets wait until a frame is due.
While calm, packets since the last frame that was seen are kept. What wakes decodes them from there on, so that no frame
of what woke is missed, however late it was noticed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from guardian.model.media import VIDEO_TIMESCALE, Sample, StreamInfo
from guardian.model.time import SECOND_US
from guardian.model.watching import AWAKE, HISTORY_S
from guardian.watch.decode import Decoder, Picture
from guardian.watch.gate import Do, Gate, Seen
from guardian.watch.hardware import SOFTWARE, Chosen, choose
from guardian.watch.pipeline import WatchPipeline

LONGEST_GOP_US = 20 * SECOND_US  # what lies further apart says nothing of when the next keyframe comes
MOST_FAULTS = 20  # packets in a row that hardware refuses: more than any damage that a lossy network does


class FramePace:
    """Picks the frames to look at: `fps` a second of the stream's own time, evenly."""

    def __init__(self, fps: float) -> None:
        self._period_us = round(SECOND_US / fps)
        self._due_us = 1 << 62

    def wants(self, utc_us: int) -> bool:
        """Say whether the frame of this time is due."""
        return self._begins(utc_us) or utc_us >= self._due_us - self._period_us // 20

    def takes(self, utc_us: int) -> bool:
        """Say whether to look at the frame of this time; if so, the next one is due a period later."""
        if not self.wants(utc_us):
            return False
        due_us = utc_us if self._begins(utc_us) else self._due_us
        self._due_us = max(due_us + self._period_us, utc_us + self._period_us // 2)
        return True

    def wants_before(self, utc_us: int) -> bool:
        """Say whether another frame will be due before this time."""
        return self._due_us < utc_us - self._period_us // 20

    def _begins(self, utc_us: int) -> bool:
        """Say whether it is the first, or time went back."""
        return utc_us < self._due_us - 2 * self._period_us


@dataclass(slots=True)
class StreamCounters:
    """Since the start. `packets`: of video; `decoded`: frames; `glances`: keyframes decoded while calm; `faults`: damaged."""

    packets: int = 0
    decoded: int = 0
    glances: int = 0
    faults: int = 0
    calm_us: int = 0
    seen: Seen = field(default_factory=Seen)


class History:
    """What happened in each of the last seconds, for a drawing."""

    def __init__(self) -> None:
        self._seconds: deque[int] = deque(maxlen=HISTORY_S)
        self._second = -1

    def add(self, utc_us: int, percent: int) -> None:
        """Take a value; of each second the highest stays."""
        second = utc_us // SECOND_US
        if second != self._second:
            missed = second - self._second - 1 if self._second >= 0 else 0
            self._seconds.extend([0] * min(HISTORY_S, max(0, missed)))
            self._seconds.append(percent)
            self._second = second
        else:
            self._seconds[-1] = max(self._seconds[-1], percent)

    def values(self) -> tuple[int, ...]:
        """Return them, the oldest first."""
        return tuple(self._seconds)


class StreamWatch:
    """Watches one stream. `before_step(picture)` is called ahead of each look, and may wait for room in inference."""

    def __init__(
        self,
        pipeline: WatchPipeline,
        *,
        fps: float,
        lazy: bool,
        glance_us: int,
        decoder: str = SOFTWARE,
        on_decoder: Callable[[Chosen], None] = lambda _: None,
        before_step: Callable[[Picture], None] = lambda _: None,
        on_awake: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._pipeline, self._lazy = pipeline, lazy
        self._before_step, self._on_awake = before_step, on_awake
        self._pace = FramePace(fps)
        self._gate = Gate(glance_us)
        self._wish, self._on_decoder, self._refused = decoder, on_decoder, set[str]()
        self._info: StreamInfo | None = None
        self._chosen: Chosen | None = None
        self._faults_in_a_row = 0
        self._start_us = 0
        self._waiting: deque[Sample] = deque()
        self._undecoded: deque[Sample] = deque()  # while awake: what came since the last frame that was due
        self._glanced_us = 0
        self._key_us = self._gop_us = 0  # the last keyframe, and how long after the one before it came; 0: not known
        self.catching_up = False  # what was kept while calm is being decoded: faster than it came
        self.counters = StreamCounters(seen=self._gate.seen)
        self.history = History()

    @property
    def decoder(self) -> str:
        """Name what decodes."""
        return self._chosen.name if self._chosen is not None else ""

    @property
    def awake(self) -> bool:
        """Say whether each frame is decoded."""
        return self._gate.awake

    def begin(self, info: StreamInfo, start_utc_us: int) -> None:
        """A run begins: samples from now on are of this stream, and their times count from this moment."""
        self._start_us, self._info, self._chosen = start_utc_us, info, None
        self._waiting.clear()
        self._undecoded.clear()
        self._gate.restart()
        self._pipeline.restart()
        self._on_awake(True)

    def feed(self, sample: Sample, *, behind: bool = False) -> None:
        """Take the next sample of video. `behind`: it came long ago."""
        decoder = self._decoder_for(sample)
        if decoder is None:
            return
        self.counters.packets += 1
        if sample.is_key:
            self._note_keyframe(self._time_of(sample))
        if not self._lazy:
            self._decode(decoder, sample)
            return
        utc_us = self._time_of(sample)
        do = self._gate.packet(len(sample.data), sample.is_key, utc_us, behind=behind)
        seen = self._gate.seen
        self.history.add(utc_us, AWAKE if self._gate.awake else min(100, round(100 * seen.excess / seen.alarm)))
        if do is Do.DECODE:
            self._decode_when_due(decoder, sample)
        elif do is Do.CALM:
            self._calm_down(decoder, sample, utc_us)
        elif do is Do.KEEP:
            self._waiting.append(sample)
            self._pipeline.tick(utc_us)
        elif do is Do.GLANCE:
            self._glance(decoder, sample, utc_us)
        else:
            self._waiting.append(sample)
            self._wake(decoder)

    def _decoder_for(self, sample: Sample) -> Decoder | None:
        """Return the run's decoder, chosen at its first keyframe; hardware that fails later is left for software."""
        if self._chosen is not None and self._chosen.name != SOFTWARE and self._faults_in_a_row >= MOST_FAULTS:
            self._refused.add(self._chosen.name)
            self._chosen = None
        if self._chosen is None and self._info is not None and sample.is_key:
            self._faults_in_a_row = 0
            self._chosen = choose(
                self._wish, self._info, self._start_us, sample, loop_filter=not self._lazy, refused=self._refused
            )
            self._on_decoder(self._chosen)
        return self._chosen.decoder if self._chosen is not None else None

    def _note_keyframe(self, utc_us: int) -> None:
        since_us = utc_us - self._key_us
        self._gop_us, self._key_us = since_us if 0 < since_us <= LONGEST_GOP_US else 0, utc_us

    # awake

    def _decode_when_due(self, decoder: Decoder, sample: Sample, after_us: int = 0) -> None:
        """Decode a sample and those before it, if its frame is due; at once, if one that follows it will be: less is left to do then."""
        if sample.is_key:
            self._undecoded.clear()
        self._undecoded.append(sample)
        if self._pace.wants(self._time_of(sample)) or self._pace.wants_before(self._key_us + self._gop_us):
            self._decode_all(decoder, after_us)

    def _decode_all(self, decoder: Decoder, after_us: int = 0) -> None:
        while self._undecoded:
            self._decode(decoder, self._undecoded.popleft(), after_us)

    def _decode(self, decoder: Decoder, sample: Sample, after_us: int = 0) -> None:
        """Decode a sample, and look at the frames that are due and later than what was seen already."""
        for picture in self._pictures(decoder, sample):
            if picture.utc_us <= after_us or not self._pace.takes(picture.utc_us):
                continue
            self._before_step(picture)
            self._pipeline.step(picture)
            self._gate.looked(picture.utc_us, moving=self._pipeline.moving, following=self._pipeline.following)

    def _pictures(self, decoder: Decoder, sample: Sample) -> list[Picture]:
        faults = decoder.faults
        pictures = decoder.decode(sample)
        self.counters.faults += decoder.faults - faults
        self._faults_in_a_row = self._faults_in_a_row + 1 if decoder.faults > faults else 0
        self.counters.decoded += len(pictures)
        return pictures

    def _calm_down(self, decoder: Decoder, sample: Sample, utc_us: int) -> None:
        """Nothing has moved for a while: this frame is decoded like those before it, the next ones are kept."""
        self._decode_when_due(decoder, sample)
        self._decode_all(decoder)  # from here on the decoder may have to go on
        self._pipeline.rest()
        self._waiting.clear()
        self._glanced_us = utc_us
        self._on_awake(False)

    # calm

    def _glance(self, decoder: Decoder, sample: Sample, utc_us: int) -> None:
        picture = self._alone(self._glancer(decoder), sample)
        self.counters.glances += 1
        if picture is not None:
            motion = self._pipeline.glance(picture)
            if self._gate.glanced(utc_us, changed=bool(motion.boxes), light=motion.settling):
                self._waiting.append(sample)
                self._wake(decoder)
                return
        else:  # damaged: the next keyframe will tell
            self._gate.glanced(utc_us, changed=False, light=False)
        self._slept(utc_us)
        self._waiting.clear()
        self._waiting.append(sample)
        self._glanced_us = utc_us

    def _glancer(self, decoder: Decoder) -> Decoder:
        """Return what decodes a glance: another decoder while this one stands within a GOP that may yet be gone on with."""
        if self._waiting and not self._waiting[0].is_key and self._info is not None:
            return Decoder(self._info, self._start_us, loop_filter=False)
        decoder.restart()
        return decoder

    def _alone(self, decoder: Decoder, sample: Sample) -> Picture | None:
        """Decode a keyframe without what follows it."""
        pictures = self._pictures(decoder, sample)
        if not pictures:  # held back, for pictures that may stand before it
            pictures = decoder.drain()
            self.counters.decoded += len(pictures)
        decoder.restart()
        return pictures[0] if pictures else None

    def _wake(self, decoder: Decoder) -> None:
        """Decode what was kept: from the keyframe of the last glance on, or where the decoder stopped when calm began."""
        waiting, self._waiting = self._waiting, deque()
        if waiting and waiting[0].is_key:
            decoder.restart()
        self._on_awake(True)
        if waiting:
            self._slept(self._time_of(waiting[-1]))
        self.catching_up = True
        try:
            for sample in waiting:
                self._decode_when_due(decoder, sample, self._glanced_us)
        finally:
            self.catching_up = False

    def _slept(self, utc_us: int) -> None:
        self.counters.calm_us += max(0, utc_us - self._glanced_us)

    def _time_of(self, sample: Sample) -> int:
        return self._start_us + (sample.dts + sample.cts_offset) * SECOND_US // VIDEO_TIMESCALE
