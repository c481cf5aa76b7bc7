"""Fragmented MP4, written: an init segment (ftyp, moov) and fragments (moof, mdat) after ISO/IEC 14496-12.

Video is track 1 on a clock of 90 kHz, audio track 2 on its sample rate. No edit list: decode times count from the run's
begin and composition offsets may be negative, so pictures and sound stand on one clock whatever the B-frames.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, pairwise

from guardian.media.decoder_config import codec_string, record_of, sps_info
from guardian.model.errors import Damaged
from guardian.model.media import VIDEO_TIMESCALE, Codec, Sample, StreamInfo, TrackInfo

VIDEO_TRACK, AUDIO_TRACK = 1, 2

SYNC_FLAGS = 0x0200_0000  # sample_depends_on = 2: on no other
NON_SYNC_FLAGS = 0x0101_0000  # sample_depends_on = 1, sample_is_non_sync_sample
_TFHD_FLAGS = 0x02_0000  # default-base-is-moof
_TRUN_FLAGS = 0x0F01  # data offset; of each sample duration, size, flags, composition offset
_UNKNOWN_VIDEO = VIDEO_TIMESCALE // 25
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_AAC_RATES = (96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350)


def init_segment(info: StreamInfo) -> bytes:
    """Return ftyp and moov for the tracks that MP4 can carry. Damaged where the video's parameter sets are unusable."""
    tracks = [_track(VIDEO_TRACK, _video_parts(info.video))]
    if (audio := _carried_audio(info)) is not None:
        tracks.append(_track(AUDIO_TRACK, _audio_parts(audio)))
    ids = range(1, len(tracks) + 1)
    mvex = _box(b"mvex", *(_full_box(b"trex", 0, 0, struct.pack(">5I", track, 1, 0, 0, 0)) for track in ids))
    return _box(b"ftyp", b"iso5\x00\x00\x02\x00iso5iso6mp41") + _box(b"moov", _mvhd(len(tracks) + 1), *tracks, mvex)


def media_fragment(samples: Sequence[Sample], sequence: int, audio_timescale: int) -> bytes:
    """Return one moof and mdat with a track fragment for each kind of sample there is.

    Samples of a kind must be in decode order, the kinds may be mixed. A sample lasts until the next of its kind begins;
    the last one lasts its own duration, or where that is unknown as long as the one before.
    """
    video = [sample for sample in samples if sample.kind == "video"]
    audio = [sample for sample in samples if sample.kind == "audio"]
    runs: list[tuple[int, list[Sample], list[int]]] = []
    if video:
        runs.append((VIDEO_TRACK, video, _durations(video, _UNKNOWN_VIDEO)))
    if audio:
        runs.append((AUDIO_TRACK, audio, _durations(audio, max(1, audio_timescale // 50))))
    moof_size = 8 + 16 + sum(64 + 16 * len(run) for _, run, _ in runs)
    offset = moof_size + 8
    trafs: list[bytes] = []
    for track, run, durations in runs:
        sizes = [len(sample.data) for sample in run]
        try:
            trafs.append(_traf(track, run, durations, sizes, offset))
        except struct.error as error:
            raise Damaged("a sample's time does not fit MP4", cure="The camera's clock is broken; reconnect.") from error
        offset += sum(sizes)
    head = struct.pack(">I4sI4sII", moof_size, b"moof", 16, b"mfhd", 0, sequence)
    mdat = struct.pack(">I4s", offset - moof_size, b"mdat")
    return b"".join(chain((head, *trafs, mdat), (sample.data for _, run, _ in runs for sample in run)))


def codecs_string(info: StreamInfo) -> str:
    """Return the RFC 6381 codecs of what `init_segment` describes, such as `avc1.640028,mp4a.40.2`."""
    audio = _carried_audio(info)
    return codec_string(info.video) + ("," + codec_string(audio) if audio is not None else "")


def with_size(info: StreamInfo) -> StreamInfo:
    """Return the stream with its picture size filled in from the parameter sets (which know better than the source)."""
    sps = sps_info(info.video)
    return replace(info, video=replace(info.video, width=sps.width, height=sps.height))


def audio_timescale(track: TrackInfo) -> int:
    """Return the ticks a second that an audio track has in MP4: its sample rate; Opus always 48000."""
    if track.codec is Codec.OPUS:
        return 48_000
    if track.sample_rate:
        return track.sample_rate
    if track.codec is Codec.AAC and len(track.config) >= 2:
        index = (track.config[0] & 7) << 1 | track.config[1] >> 7
        if index < len(_AAC_RATES):
            return _AAC_RATES[index]
    return track.timescale


def _carried_audio(info: StreamInfo) -> TrackInfo | None:
    return info.audio if info.audio is not None and info.audio.codec.fits_mp4 else None


# Fragments


def _durations(run: Sequence[Sample], unknown: int) -> list[int]:
    """Return how long each sample lasts. Damaged where decode times do not rise: they would not fit their fields."""
    times = [sample.dts for sample in run]
    durations = [after - before for before, after in pairwise(times)]
    if times[0] < 0 or (durations and min(durations) < 0):
        raise Damaged("samples of a fragment are out of order", cure="Times must rise from 0 within a run.")
    durations.append(run[-1].duration or (durations[-1] if durations else unknown))
    return durations


def _traf(track: int, run: Sequence[Sample], durations: list[int], sizes: list[int], data_offset: int) -> bytes:
    flags = [SYNC_FLAGS if sample.is_key else NON_SYNC_FLAGS for sample in run]
    if track == AUDIO_TRACK:
        flags = [SYNC_FLAGS] * len(run)
    count = len(run)
    table = chain.from_iterable(zip(durations, sizes, flags, [sample.cts_offset for sample in run], strict=True))
    return struct.pack(
        ">I4sI4sIII4sIQI4sIIi" + "IIIi" * count,
        64 + 16 * count,
        b"traf",
        16,
        b"tfhd",
        _TFHD_FLAGS,
        track,
        20,
        b"tfdt",
        0x0100_0000,  # version 1: 64 bits
        run[0].dts,
        20 + 16 * count,
        b"trun",
        0x0100_0000 | _TRUN_FLAGS,  # version 1: signed composition offsets
        count,
        data_offset,
        *table,
    )


# Init segment


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", version << 24 | flags), *parts)


def _mvhd(next_track: int) -> bytes:
    head = struct.pack(">4IIHHII", 0, 0, 1000, 0, 0x10000, 0x0100, 0, 0, 0)
    return _full_box(b"mvhd", 0, 0, head, _MATRIX, bytes(24), struct.pack(">I", next_track))


class _Parts:
    """What differs between a video and an audio track."""

    def __init__(
        self, handler: bytes, name: bytes, timescale: int, media_header: bytes, entry: bytes, size: tuple[int, int]
    ) -> None:
        self.handler, self.name, self.timescale = handler, name, timescale
        self.media_header, self.entry, self.size = media_header, entry, size


def _track(track: int, parts: _Parts) -> bytes:
    width, height = parts.size
    volume = 0x0100 if parts.handler == b"soun" else 0
    tkhd = _full_box(
        b"tkhd",
        0,
        7,  # enabled, in movie, in preview
        struct.pack(">5I8xHHHH", 0, 0, track, 0, 0, 0, 0, volume, 0),
        _MATRIX,
        struct.pack(">II", width << 16, height << 16),
    )
    mdhd = _full_box(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, parts.timescale, 0, 0x55C4, 0))  # language "und"
    hdlr = _full_box(b"hdlr", 0, 0, bytes(4), parts.handler, bytes(12), parts.name + b"\x00")
    dinf = _box(b"dinf", _full_box(b"dref", 0, 0, struct.pack(">I", 1), _full_box(b"url ", 0, 1)))
    stbl = _box(
        b"stbl",
        _full_box(b"stsd", 0, 0, struct.pack(">I", 1), parts.entry),
        _full_box(b"stts", 0, 0, bytes(4)),
        _full_box(b"stsc", 0, 0, bytes(4)),
        _full_box(b"stsz", 0, 0, bytes(8)),
        _full_box(b"stco", 0, 0, bytes(4)),
    )
    minf = _box(b"minf", parts.media_header, dinf, stbl)
    return _box(b"trak", tkhd, _box(b"mdia", mdhd, hdlr, minf))


def _video_parts(track: TrackInfo) -> _Parts:
    entry_kind, record_kind = (b"hvc1", b"hvcC") if track.codec is Codec.H265 else (b"avc1", b"avcC")
    sps = sps_info(track)
    width, height = min(sps.width, 0xFFFF), min(sps.height, 0xFFFF)
    entry = _box(
        entry_kind,
        struct.pack(">6xH16xHHIIIH32sHh", 1, width, height, 0x480000, 0x480000, 0, 1, b"", 24, -1),
        _box(record_kind, record_of(track)),
    )
    media_header = _full_box(b"vmhd", 0, 1, bytes(8))
    return _Parts(b"vide", b"Video", VIDEO_TIMESCALE, media_header, entry, (width, height))


def _audio_parts(track: TrackInfo) -> _Parts:
    rate, channels = audio_timescale(track), track.channels or 1
    kind, config = (b"Opus", _dops(track)) if track.codec is Codec.OPUS else (b"mp4a", _esds(track))
    entry = _box(kind, struct.pack(">6xH8xHH4xI", 1, channels, 16, min(rate, 0xFFFF) << 16), config)
    return _Parts(b"soun", b"Sound", rate, _full_box(b"smhd", 0, 0, bytes(4)), entry, (0, 0))


def _dops(track: TrackInfo) -> bytes:
    """OpusSpecificBox: the OpusHead packet (RFC 7845, 5.1) without its magic, in big endian."""
    head = track.config
    if head[:8] != b"OpusHead" or len(head) < 19:
        return _box(b"dOps", struct.pack(">BBHIhB", 0, track.channels or 2, 312, 48_000, 0, 0))
    channels, pre_skip, rate, gain, family = struct.unpack("<BHIhB", head[9:19])
    mapping = head[19 : 21 + channels] if family else b""
    return _box(b"dOps", struct.pack(">BBHIhB", 0, channels, pre_skip, rate, gain, family), mapping)


def _esds(track: TrackInfo) -> bytes:
    """ES descriptor with the AudioSpecificConfig (ISO/IEC 14496-1, 7.2.6.5)."""
    config = track.config or _plain_aac_config(track)
    specific = _descriptor(5, config)
    decoder = _descriptor(4, struct.pack(">BBB2xII", 0x40, 0x15, 0, 0, 0), specific)
    return _full_box(b"esds", 0, 0, _descriptor(3, struct.pack(">HB", AUDIO_TRACK, 0), decoder, _descriptor(6, b"\x02")))


def _plain_aac_config(track: TrackInfo) -> bytes:
    """AudioSpecificConfig of AAC-LC, for sources that announce none."""
    if track.sample_rate not in _AAC_RATES:
        raise Damaged(f"AAC at {track.sample_rate} Hz without a configuration cannot be recorded")
    return (2 << 11 | _AAC_RATES.index(track.sample_rate) << 7 | (track.channels or 1) << 3).to_bytes(2, "big")


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes([tag]) + _expandable(len(body)) + body


def _expandable(size: int) -> bytes:
    """Size of a descriptor, seven bits a byte, in four bytes as every reader knows it."""
    return bytes([0x80 | size >> 21 & 0x7F, 0x80 | size >> 14 & 0x7F, 0x80 | size >> 7 & 0x7F, size & 0x7F])
