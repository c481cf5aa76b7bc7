"""The transcoder's process: H.265 fragments in, H.264 fragments out, while somebody looks at footage that needs it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import structlog

from guardian.media.fmp4_read import Box, boxes, find, fragment_info, samples, timescales
from guardian.media.fmp4_write import AUDIO_TRACK, VIDEO_TRACK, init_segment, media_fragment
from guardian.media.nal import annexb_to_length_prefixed
from guardian.model.errors import Damaged, GuardianError, NotAVideo
from guardian.model.media import VIDEO_TIMESCALE, Codec, Sample, StreamInfo, TrackInfo
from guardian.model.messages import TranscodeReply, TranscodeRequest
from guardian.platform.ipc import BlockingLink, LinkClosed
from guardian.platform.limits import harden
from guardian.platform.logs import set_up_logs
from guardian.processes.jobs import TranscodeJob

_log = structlog.get_logger(__name__)
MAX_HEIGHT = 720  # what a phone shows; keeps a small box able to do it faster than it plays
_TICK = Fraction(1, VIDEO_TIMESCALE)
_GLOBAL_HEADER = 0x400000  # AV_CODEC_FLAG_GLOBAL_HEADER: parameter sets into extradata


def main(job: TranscodeJob) -> None:
    """Entry of the process: answers until the conductor hangs up."""
    set_up_logs()
    harden()
    link = BlockingLink(job.sock)
    try:
        while True:
            message, payload = link.receive()
            if isinstance(message, TranscodeRequest):
                _answer(link, message, payload)
    except LinkClosed:
        pass
    finally:
        link.close()


def _answer(link: BlockingLink, request: TranscodeRequest, payload: bytes) -> None:
    try:
        init, *fragments = _cut(payload, (request.init_bytes, *request.fragment_bytes))
        new_init, fragment = transcode(init, fragments)
    except (GuardianError, av.FFmpegError, ValueError) as error:
        problem = error.message if isinstance(error, GuardianError) else type(error).__name__
        _log.warning("not_transcoded", problem=problem)
        link.send(TranscodeReply(request.ticket, error=problem))
    else:
        link.send(TranscodeReply(request.ticket, len(new_init)), new_init + fragment)


def _cut(payload: bytes, sizes: Sequence[int]) -> list[bytes]:
    parts, at = [], 0
    for size in sizes:
        parts.append(payload[at : at + size])
        at += size
    return parts


def transcode(init: bytes, fragments: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the H.264 init segment, and the last fragment with its pictures in H.264 and its sound as it was."""
    width, height = _size(init)
    encoder = _encoder(width, height)
    new_init = _with_video(init, _video_info(encoder))
    if not fragments:
        return new_init, b""
    last = fragments[-1]
    wanted = {sample.dts + sample.cts_offset for sample in samples(last) if sample.kind == "video"}
    frames = [frame for frame in _decode(init, fragments) if frame.pts in wanted]
    if not frames:
        raise NotAVideo("no picture in it could be decoded")
    span = (min(wanted), min(wanted) + fragment_info(last).tracks[VIDEO_TRACK].duration)
    video = _encode(encoder, sorted(frames, key=lambda frame: frame.pts), span)
    audio = [sample for sample in samples(last) if sample.kind == "audio"]
    sequence = fragment_info(last).sequence
    return new_init, media_fragment([*video, *audio], sequence, timescales(init).get(AUDIO_TRACK, 0))


def _size(init: bytes) -> tuple[int, int]:
    with av.open(io.BytesIO(init), format="mp4") as container:
        if not container.streams.video:
            raise NotAVideo("there is no picture in it")
        video = container.streams.video[0]
        scale = min(1.0, MAX_HEIGHT / max(1, video.height))
        return max(2, int(video.width * scale) // 2 * 2), max(2, int(video.height * scale) // 2 * 2)


def _encoder(width: int, height: int) -> Any:
    """An encoder whose parameter sets depend on nothing but the size: one init segment serves all its fragments."""
    encoder: Any = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = _TICK, Fraction(30)
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "crf": "23", "x264-params": "keyint=600:scenecut=0"}
    encoder.thread_count = 2
    encoder.flags |= _GLOBAL_HEADER
    encoder.open()
    return encoder


def _video_info(encoder: Any) -> TrackInfo:
    return TrackInfo("video", Codec.H264, VIDEO_TIMESCALE, bytes(encoder.extradata or b""), encoder.width, encoder.height)


def _with_video(init: bytes, video: TrackInfo) -> bytes:
    """Return an init segment with its video track replaced; sound and everything else stay."""
    made = init_segment(StreamInfo(video))
    new = next(iter(_traks(made)))
    moov = find(init, b"moov")
    if moov is None:
        raise Damaged("there is no moov")
    body = bytearray()
    for box in boxes(init, moov.body, moov.end):
        is_video = box.kind == b"trak" and _track_id(init, box) == VIDEO_TRACK
        body += new if is_video else init[box.start : box.end]
    return init[: moov.start] + (8 + len(body)).to_bytes(4, "big") + b"moov" + bytes(body) + init[moov.end :]


def _traks(init: bytes) -> list[bytes]:
    moov = find(init, b"moov")
    assert moov is not None  # we made it
    return [init[box.start : box.end] for box in boxes(init, moov.body, moov.end) if box.kind == b"trak"]


def _track_id(init: bytes, trak: Box) -> int:
    tkhd = find(init, b"tkhd", within=trak)
    if tkhd is None:
        raise Damaged("a track has no header")
    at = tkhd.body + (20 if init[tkhd.body] == 1 else 12)
    return int.from_bytes(init[at : at + 4], "big")


def _decode(init: bytes, fragments: Sequence[bytes]) -> list[Any]:
    """Decode what can be decoded: a bad picture does not spoil the others."""
    opened: Any = av.open(io.BytesIO(b"".join((init, *fragments))), format="mp4")
    frames: list[Any] = []
    with opened as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 2
        stream.codec_context.thread_type = "AUTO"
        for packet in container.demux(stream):
            try:
                frames += packet.decode()
            except av.InvalidDataError:
                continue
    return frames


def _encode(encoder: Any, frames: Sequence[Any], span: tuple[int, int]) -> list[Sample]:
    """Return the frames as samples that fill a span. The first one lasts from its begin: pictures before a keyframe that
    need the GOP before it are not there, and a player would stop at the hole.
    """
    times = [min(span[0], int(frames[0].pts)), *(int(frame.pts) for frame in frames[1:])]
    ends = [*times[1:], max(times[-1] + 1, span[1])]
    durations = {begin: after - begin for begin, after in zip(times, ends, strict=True)}
    packets: list[Any] = []
    for frame, time in zip(frames, times, strict=True):
        packets += encoder.encode(_fitted(frame, encoder.width, encoder.height, time))
    packets += encoder.encode(None)
    return [
        Sample(
            "video",
            annexb_to_length_prefixed(bytes(packet)),
            int(packet.pts),
            0,
            durations.get(int(packet.pts), 1),
            bool(packet.is_keyframe),
            0,
        )
        for packet in packets
    ]


def _fitted(frame: Any, width: int, height: int, pts: int) -> Any:
    fitted = frame
    if (frame.width, frame.height) != (width, height) or frame.format.name != "yuv420p":
        fitted = frame.reformat(width, height, "yuv420p")
    fitted.pts, fitted.time_base, fitted.pict_type = pts, _TICK, 0
    return fitted
