"""Makes samples of packets: one clock from 0 that never goes back, NAL units as MP4 wants them, parameter sets in order. Pure.

A *run* is what shares one media clock and one set of parameters. A new one begins at a keyframe: at first, after a jump of
the camera's clock, with new parameter sets, when sound comes or goes, and when the camera's clock has drifted from ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from guardian.media.decoder_config import decoder_record, length_size, parameter_sets, sps_info
from guardian.media.fmp4_write import audio_timescale
from guardian.media.nal import ParameterSets, is_keyframe, parameter_sets_in_band, to_sample_data
from guardian.media.timebase import Unwrap, rescale
from guardian.model.errors import Damaged
from guardian.model.media import VIDEO_TIMESCALE, Codec, Packet, Sample, StreamInfo, TrackInfo

JUMP_90K = 10 * VIDEO_TIMESCALE  # a step larger than this is a jump of the camera's clock, not a pause
BACK_90K = VIDEO_TIMESCALE  # small steps back are repaired, larger ones begin a new run
DRIFT_US = 2_000_000
SOUND_WAIT_US = 1_000_000  # how long a declared sound track may take to send its first packet
SOUND_GONE_US = 5_000_000
HELD_PACKETS = 400
UNKNOWN_FRAME_90K = VIDEO_TIMESCALE // 15
AAC_FRAME = 1024


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
        self._unwrap = {"video": Unwrap(), "audio": Unwrap()}
        self._held: list[Packet] | None = [] if self._carries_sound() else None
        self._sound = False
        self._last_sound_us = 0
        self._wants_run = True
        self._origin = 0
        self._last_dts = -1
        self._step = UNKNOWN_FRAME_90K
        self._start_us = 0
        self._sound_shift: int | None = None
        self._sound_end = 0

    def _carries_sound(self) -> bool:
        return self._info.audio is not None and self._info.audio.codec.fits_mp4

    def push(self, packet: Packet) -> Iterator[Step]:
        """Take a packet; yields runs and samples in order."""
        if packet.info is not None:
            self._use(packet.info)
        if self._held is None:
            yield from self._take(packet)
            return
        self._held.append(packet)
        waited = packet.arrived_us - self._held[0].arrived_us
        if packet.kind == "audio" or waited > SOUND_WAIT_US or len(self._held) >= HELD_PACKETS or not self._paced:
            held, self._held = self._held, None
            self._sound = packet.kind == "audio" or (not self._paced and self._carries_sound())
            self._last_sound_us = packet.arrived_us
            for one in held:
                yield from self._take(one)

    def flush(self) -> Iterator[Step]:
        """Give what was held back, at the end of the source."""
        held, self._held = self._held or [], None
        for packet in held:
            yield from self._take(packet)

    def _take(self, packet: Packet) -> Iterator[Step]:
        if packet.kind == "audio":
            yield from self._take_sound(packet)
        else:
            yield from self._take_picture(packet)

    # pictures

    def _take_picture(self, packet: Packet) -> Iterator[Step]:
        try:
            key = packet.is_key and is_keyframe(self._codec, packet.data)
            if key:
                self._learn(parameter_sets_in_band(self._codec, packet.data))
            data = to_sample_data(packet.data, self._codec, length_size=self._length_size)
        except Damaged:
            self.dropped += 1
            return
        if not data:
            return
        dts, pts = self._times(packet)
        self._notice_changes(packet, dts)
        if self._wants_run:
            if not key or not self._sets.complete:
                self.dropped += 1
                return
            yield self._begin(packet, dts)
        at = dts - self._origin
        if at <= self._last_dts:
            at = self._last_dts + 1
        elif self._last_dts >= 0:
            self._step = min(at - self._last_dts, JUMP_90K)
        duration = rescale(packet.duration, self._info.video.timescale, VIDEO_TIMESCALE) or self._step
        self._last_dts = at
        offset = pts - self._origin - at
        yield Sample("video", data, at, offset, duration, key, packet.arrived_us)

    def _learn(self, sets: ParameterSets) -> None:
        if sets.complete and sets != self._sets:
            self._sets, self._wants_run = sets, True

    def _times(self, packet: Packet) -> tuple[int, int]:
        scale = self._info.video.timescale
        given = packet.dts if packet.dts is not None else packet.pts
        if given is None:  # the camera gave no time: go on at its pace
            dts = self._origin + max(self._last_dts, 0) + (self._step if self._last_dts >= 0 else 0)
            return dts, dts
        dts = rescale(self._unwrap["video"](given), scale, VIDEO_TIMESCALE)
        if packet.pts is None or packet.dts is None:
            return dts, dts
        return dts, dts + rescale(packet.pts - packet.dts, scale, VIDEO_TIMESCALE)

    def _notice_changes(self, packet: Packet, dts: int) -> None:
        """Ask for a new run at the next keyframe where the old one no longer holds; at once where its clock jumped."""
        if self._last_dts < 0 or self._wants_run:
            return
        step = dts - self._origin - self._last_dts
        if step > JUMP_90K or step < -BACK_90K:
            self._wants_run = True
        elif packet.is_key:
            drift = (packet.arrived_us - self._start_us) - (dts - self._origin) * 100 // 9
            sound_gone = self._sound and packet.arrived_us - self._last_sound_us > SOUND_GONE_US
            if self._paced and abs(drift) > DRIFT_US:
                self._wants_run = True
            elif self._paced and sound_gone:
                self._sound, self._wants_run = False, True

    def _begin(self, packet: Packet, dts: int) -> NewRun:
        self._origin, self._last_dts, self._start_us = dts, -1, packet.arrived_us
        self._wants_run, self._sound_shift, self._sound_end = False, None, 0
        video = replace(self._info.video, timescale=VIDEO_TIMESCALE, config=decoder_record(self._sets))
        size = sps_info(video)
        video = replace(video, width=size.width, height=size.height)
        audio = self._info.audio
        if audio is not None and audio.codec.fits_mp4:
            rate = audio_timescale(audio)
            audio = replace(audio, timescale=rate, sample_rate=rate) if self._sound else None
        return NewRun(StreamInfo(video, audio), packet.arrived_us)

    # sound

    def _take_sound(self, packet: Packet) -> Iterator[Step]:
        audio = self._info.audio
        if audio is None or not audio.codec.fits_mp4:
            return
        self._last_sound_us = packet.arrived_us
        if not self._sound:
            self._sound = self._wants_run = True  # sound has come (back): the next keyframe begins a run with it
            return
        if self._wants_run or self._last_dts < 0:
            return
        data = _without_adts(packet.data) if audio.codec is Codec.AAC else packet.data
        rate = audio_timescale(audio)
        duration = rescale(packet.duration, audio.timescale, rate) or AAC_FRAME
        at = self._sound_time(packet, audio)
        if at < 0 or not data:
            return
        self._sound_end = at + duration
        yield Sample("audio", data, at, 0, duration, True, packet.arrived_us)

    def _sound_time(self, packet: Packet, audio: TrackInfo) -> int:
        """Return a packet's time on the run's clock in the sound's rate; never before the end of the one before."""
        rate = audio_timescale(audio)
        given = packet.pts if packet.pts is not None else packet.dts
        by_arrival = rescale(packet.arrived_us - self._start_us, 1_000_000, rate)
        if given is None:
            return self._sound_end or by_arrival
        own = rescale(self._unwrap["audio"](given), audio.timescale, rate)
        if self._sound_shift is None:
            self._sound_shift = -rescale(self._origin, VIDEO_TIMESCALE, rate)
            if self._paced and abs(own + self._sound_shift - by_arrival) > 2 * rate:
                self._sound_shift = by_arrival - own  # its clock has nothing to do with the picture's
        at = own + self._sound_shift
        if self._sound_end and abs(at - self._sound_end) > 10 * rate:
            self._sound_shift += self._sound_end - at
            at = self._sound_end
        return max(at, self._sound_end)


def _without_adts(data: bytes) -> bytes:
    """Return an AAC frame without its ADTS header (ISO/IEC 13818-7, 6.2), which MP4 does not want."""
    if len(data) > 7 and data[0] == 0xFF and data[1] & 0xF6 == 0xF0:
        return data[7 if data[1] & 1 else 9 :]
    return data
