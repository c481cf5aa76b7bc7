"""Makes samples of packets: one clock from 0 that never goes back, NAL units as MP4 wants them, parameter sets in order. Pure.

A *run* is what shares one media clock and one set of parameters. A new one begins at a keyframe: at first, after a jump of
the camera's clock, with new parameter sets, when sound comes or goes, and when the camera's clock has drifted from ours.
No picture is lost over it: until that keyframe the old run goes on, after a jump at the pace at which packets arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from guardian.media.adts import without_adts
from guardian.media.decoder_config import decoder_record, length_size, parameter_sets, sps_info
from guardian.media.fmp4_write import audio_timescale
from guardian.media.nal import ParameterSets, is_keyframe, parameter_sets_in_band, to_sample_data
from guardian.media.sps import parse_sps
from guardian.media.timebase import Unwrap, rescale, to_us
from guardian.model.errors import Damaged
from guardian.model.media import VIDEO_TIMESCALE, Codec, Packet, Sample, StreamInfo, TrackInfo

JUMP_90K = 10 * VIDEO_TIMESCALE  # a step larger than this is a jump of the camera's clock, not a pause
BACK_90K = VIDEO_TIMESCALE  # small steps back are repaired, larger ones begin a new run
DRIFT_US = 2_000_000
SOUND_WAIT_US = 1_000_000  # how long a declared sound track may take to send its first packet
SOUND_GONE_US = 5_000_000
HELD_PACKETS = 400
UNKNOWN_FRAME_90K = VIDEO_TIMESCALE // 15
SLACK_90K = VIDEO_TIMESCALE // 100  # a picture this little before its decode time is shown at it
SOUND_FRAME = {Codec.AAC: 1024, Codec.OPUS: 960}
CLOCK_BITS = 33
NOTHING_GUESSED = -JUMP_90K


@dataclass(frozen=True, slots=True)
class NewRun:
    """What follows has this form and counts from here. `arrived_us` of its first packet, monotonic."""

    info: StreamInfo
    arrived_us: int


Step = NewRun | Sample


class Normaliser:
    """One connection's packets, in order of arrival. `paced`: packets arrive in real time (a file read at will does not)."""

    def __init__(self, info: StreamInfo, *, paced: bool = True) -> None:
        self._paced = paced
        self.dropped = 0
        self._use(info)

    def _use(self, info: StreamInfo) -> None:
        self._info = info
        self._codec = info.video.codec
        self._length_size = length_size(self._codec, info.video.config)
        self._sets = parameter_sets(self._codec, info.video.config)
        self._unwrap = {"video": Unwrap(CLOCK_BITS), "audio": Unwrap(CLOCK_BITS)}
        self._held: list[Packet] | None = [] if self._carries_sound() else None
        self._sound = self._run_has_sound = False
        self._last_sound_us = 0
        self._wants_run = True
        self._origin = 0
        self._last_dts, self._guessed = -1, NOTHING_GUESSED
        self._lead = self._wanted_lead = 0  # how much earlier pictures must be decoded than a camera without dts says
        self._step = UNKNOWN_FRAME_90K
        self._start_us = 0
        self._sound_shift: int | None = None
        self._sound_end = 0

    def begin_anew(self) -> None:
        """Begin a run at the next keyframe."""
        self._wants_run = True

    def _carries_sound(self) -> bool:
        return self._info.audio is not None and self._info.audio.codec.fits_mp4

    def push(self, packet: Packet) -> Sequence[Step]:
        """Take a packet; returns runs and samples in order."""
        if packet.info is None and self._held is None:
            return self._take(packet)
        steps: list[Step] = []
        if packet.info is not None:
            steps += self.flush()
            self._use(packet.info)
        if self._held is None:
            return [*steps, *self._take(packet)]
        self._held.append(packet)
        waited = packet.arrived_us - self._held[0].arrived_us
        if packet.kind == "audio" or waited > SOUND_WAIT_US or len(self._held) >= HELD_PACKETS or not self._paced:
            held, self._held = self._held, None
            self._sound = packet.kind == "audio" or (not self._paced and self._carries_sound())
            self._last_sound_us = packet.arrived_us
            for one in held:
                steps += self._take(one)
        return steps

    def flush(self) -> Sequence[Step]:
        """Give what was held back, at the end of the source."""
        held, self._held = self._held or [], None
        return [step for packet in held for step in self._take(packet)]

    def _take(self, packet: Packet) -> Sequence[Step]:
        return self._take_sound(packet) if packet.kind == "audio" else self._take_picture(packet)

    # pictures

    def _take_picture(self, packet: Packet) -> Sequence[Step]:
        try:
            unit = packet.data
            if self._length_size != 4:
                unit = to_sample_data(unit, self._codec, keep_parameter_sets=True, length_size=self._length_size)
            data = to_sample_data(unit, self._codec)
            key = packet.is_key and is_keyframe(self._codec, unit)
            if key or not data:
                self._learn(parameter_sets_in_band(self._codec, unit))
        except Damaged:
            self.dropped += 1
            return ()
        if not data:
            return ()
        dts, reorder = self._times(packet)
        self._notice_changes(packet, dts, key)
        run: tuple[Step, ...] = ()
        if self._wants_run and key and self._sets.complete:
            run = (self._begin(packet, dts),)
        elif self._last_dts < 0:
            self.dropped += 1
            return ()
        own = dts - self._origin
        at = max(own, self._last_dts + 1)
        if self._last_dts >= 0 and at == own:
            self._step = min(at - self._last_dts, JUMP_90K)
        self._last_dts = at
        duration = rescale(packet.duration, self._info.video.timescale, VIDEO_TIMESCALE) or self._step
        offset = self._offset(self._shown_after(own, at, reorder))
        sample = Sample("video", data, at, offset, duration, key, packet.arrived_us)
        return (*run, sample) if run else (sample,)

    def _learn(self, found: ParameterSets) -> None:
        """Take parameter sets in; with new ones a run begins. Damaged, and the old ones stay, where they are unreadable."""
        known = self._sets
        sets = ParameterSets(self._codec, found.sps or known.sps, found.pps or known.pps, found.vps or known.vps)
        if sets == known:
            return
        if self._last_dts >= 0:
            parse_sps(self._codec, sets.sps[0])
        self._sets, self._wants_run = sets, True

    def _times(self, packet: Packet) -> tuple[int, int | None]:
        """Return decode time and how much later the picture is shown; None where only its presentation is known."""
        scale = self._info.video.timescale
        given = packet.dts if packet.dts is not None else packet.pts
        if given is None:  # the camera gave no time: go on at its pace
            return self._origin + max(self._last_dts, 0) + (self._step if self._last_dts >= 0 else 0), 0
        dts = rescale(self._unwrap["video"](given), scale, VIDEO_TIMESCALE)
        if packet.dts is None:
            return dts, None
        half = 1 << CLOCK_BITS - 1
        reorder = (packet.pts - packet.dts + half) % (2 * half) - half if packet.pts is not None else 0
        return dts, rescale(reorder, scale, VIDEO_TIMESCALE)

    def _shown_after(self, own: int, at: int, reorder: int | None) -> int:
        """Return how long after `at` a picture is shown whose decode time `own` may have been mended to be `at`."""
        if reorder is None:
            self._guessed = at
            return own - at
        if reorder < 0:
            return reorder
        shown = reorder - (at - own)
        return shown if own < self._guessed else max(shown, 0)

    def _offset(self, reorder: int) -> int:
        """Return the composition offset; where it would be negative, the next run decodes earlier by as much."""
        offset = self._lead + reorder
        if offset >= -SLACK_90K:
            return min(max(offset, 0), JUMP_90K)
        needed = min(-reorder, BACK_90K)
        if needed > self._wanted_lead:
            self._wanted_lead, self._wants_run = needed, True
        return max(offset, -BACK_90K)

    def _notice_changes(self, packet: Packet, dts: int, key: bool) -> None:
        """Ask for a new run where the old one no longer holds; where the camera's clock jumped, go on at the pace of arrival."""
        if self._last_dts < 0:
            return
        step = dts - self._origin - self._last_dts
        if step > JUMP_90K or step < -BACK_90K:
            arrived = rescale(packet.arrived_us - self._start_us, 1_000_000, VIDEO_TIMESCALE) if self._paced else 0
            self._origin = dts - max(self._last_dts + self._step, arrived)
            self._wants_run = True
        elif key and self._paced:
            sound_gone = self._sound and packet.arrived_us - self._last_sound_us > SOUND_GONE_US
            if sound_gone:
                self._sound = False
            if (
                sound_gone
                or self._drifted(packet.arrived_us, to_us(dts - self._origin, VIDEO_TIMESCALE))
                or self._sound_drifted()
            ):
                self._wants_run = True

    def _drifted(self, arrived_us: int, at_us: int) -> bool:
        return abs(arrived_us - self._start_us - at_us) > DRIFT_US

    def _sound_drifted(self) -> bool:
        audio = self._info.audio
        if audio is None or not self._sound_end:
            return False
        return self._drifted(self._last_sound_us, to_us(self._sound_end, audio_timescale(audio)))

    def _begin(self, packet: Packet, dts: int) -> NewRun:
        video = replace(self._info.video, timescale=VIDEO_TIMESCALE, config=decoder_record(self._sets))
        size = sps_info(video)
        video = replace(video, width=size.width, height=size.height)
        self._origin, self._last_dts, self._start_us = dts, -1, packet.arrived_us
        self._wants_run, self._sound_shift, self._sound_end = False, None, 0
        if packet.dts is not None and packet.pts is not None and packet.pts > packet.dts:
            self._wanted_lead = 0  # it has learnt to say when pictures are decoded
        self._lead, self._guessed = self._wanted_lead, NOTHING_GUESSED
        self._run_has_sound = self._sound and self._carries_sound()
        audio = self._info.audio
        if audio is not None and audio.codec.fits_mp4:
            rate = audio_timescale(audio)
            audio = replace(audio, timescale=rate, sample_rate=rate) if self._run_has_sound else None
        return NewRun(StreamInfo(video, audio), packet.arrived_us)

    # sound

    def _take_sound(self, packet: Packet) -> Sequence[Step]:
        audio = self._info.audio
        if audio is None or not audio.codec.fits_mp4:
            return ()
        self._last_sound_us = packet.arrived_us
        if not self._sound:
            self._sound = self._wants_run = True  # sound has come (back): the next keyframe begins a run with it
        if not self._run_has_sound:
            return ()
        data = without_adts(packet.data) if audio.codec is Codec.AAC else packet.data
        rate = audio_timescale(audio)
        duration = rescale(packet.duration, audio.timescale, rate) or SOUND_FRAME[audio.codec]
        at = self._sound_time(packet, audio)
        if at < 0 or not data:
            return ()
        self._sound_end = at + duration
        return (Sample("audio", data, at, 0, duration, True, packet.arrived_us),)

    def _sound_time(self, packet: Packet, audio: TrackInfo) -> int:
        """Return a packet's time on the run's clock in the sound's rate; never before the end of the one before."""
        rate = audio_timescale(audio)
        given = packet.pts if packet.pts is not None else packet.dts
        by_arrival = rescale(packet.arrived_us - self._start_us, 1_000_000, rate)
        if given is None:
            return self._sound_end or by_arrival
        own = rescale(self._unwrap["audio"](given), audio.timescale, rate)
        if self._sound_shift is None:
            self._sound_shift = rescale(self._lead - self._origin, VIDEO_TIMESCALE, rate)
            if self._paced and abs(own + self._sound_shift - by_arrival) > 2 * rate:
                self._sound_shift = by_arrival - own  # its clock has nothing to do with the picture's
        at = own + self._sound_shift
        if self._sound_end and abs(at - self._sound_end) > 10 * rate:
            self._sound_shift += self._sound_end - at
            at = self._sound_end
        return max(at, self._sound_end)
