"""A video file as packets at its own pace. At its end it begins again without a step in its times."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av import error as fault

from guardian.sdk import CameraUnreachable, Codec, EndOfSource, NotAVideo, Packet, StreamInfo, TrackInfo
from guardian_file.config import FileConfig

VIDEO = {"h264": Codec.H264, "hevc": Codec.H265}
AUDIO = {"aac": Codec.AAC, "opus": Codec.OPUS}
LONGEST_SLEEP_S = 0.5

av.logging.set_level(None)


class _TimeBase:
    """A stream's, as plain numbers: FFmpeg's binding makes a fraction anew for every packet that is asked for its own."""

    def __init__(self, base: Fraction) -> None:
        self.seconds, self.ticks = float(base), base.numerator


class FileSource:
    """Implements `CameraSource`."""

    def __init__(self, config: FileConfig) -> None:
        self._config, self.paced = config, config.realtime
        self._container: Any = None
        self._packets: Iterator[Any] = iter(())
        self._bases: dict[int, _TimeBase] = {}
        self._stop = threading.Event()
        self._reading, self._closing = threading.Lock(), False
        self._began_s = 0.0
        self._first_s: float | None = None
        self._shift_s = 0.0
        self._end_s = self._step_s = 0.0
        self._last_s: float | None = None
        self._waiting: Any = None
        self._given = 0

    def open(self, stop: threading.Event) -> StreamInfo:
        """Open the file; NotAVideo says what is wrong with it."""
        self._stop, self._closing = stop, False
        info = self._open()
        self._began_s = time.monotonic()
        return info

    def _open(self) -> StreamInfo:
        path = self._config.path
        try:
            if path.is_dir():
                raise NotAVideo(f"{path}: this is a folder", cure="Name one of the files in it.")
            if not path.is_file():
                raise NotAVideo(f"{path}: there is no such file", cure="Correct source.path.")
            if path.stat().st_size == 0:
                raise NotAVideo(f"{path}: the file is empty", cure="Choose another file.")
            self._container = av.open(f"file:{path}")
        except fault.FFmpegError as error:
            cut = isinstance(error, fault.InvalidDataError)
            what = (
                "is no video, or was cut off before its table of contents" if cut else f"cannot be read ({error.strerror})"
            )
            raise NotAVideo(f"{path}: the file {what}", cure="Choose another file, or copy it again.") from None
        except OSError as error:
            raise NotAVideo(f"{path}: {error.strerror}", cure="Is it readable for this user?") from None
        video = next((one for one in self._container.streams.video if one.codec_context.name in VIDEO), None)
        if video is None:
            names = ", ".join(one.codec_context.name for one in self._container.streams.video) or "no video"
            raise NotAVideo(f"{path}: the file holds {names}", cure="Convert it to H.264 or H.265 with ffmpeg.")
        audio = next((one for one in self._container.streams.audio if one.codec_context.name in AUDIO), None)
        streams = [video] if audio is None else [video, audio]
        if any(_was_cut(stream, self._container.size) for stream in streams):
            raise NotAVideo(f"{path}: the file was cut off", cure="Copy it again, or choose another file.")
        self._packets = self._container.demux(streams)
        self._bases = {stream.index: _TimeBase(stream.time_base) for stream in streams}
        self._video_index = video.index
        return StreamInfo(_track(video, VIDEO), _track(audio, AUDIO) if audio is not None else None)

    def read(self, timeout_s: float) -> Packet | None:
        """Return the next packet when its time has come."""
        with self._reading:
            try:
                return self._read(timeout_s)
            finally:
                if self._closing:
                    self._let_go()

    def _read(self, timeout_s: float) -> Packet | None:
        if self._closing:
            raise CameraUnreachable(f"{self._config.path}: closed", cure="It is opened anew by itself.")
        packet = self._waiting if self._waiting is not None else self._next()
        self._waiting = packet
        if packet is None:
            return None
        at_s = self._time_of(packet) + self._shift_s
        if self.paced:
            wait_s = self._began_s + at_s - time.monotonic()
            if wait_s > 0:
                self._stop.wait(min(wait_s, timeout_s, LONGEST_SLEEP_S))
                if wait_s > min(timeout_s, LONGEST_SLEEP_S):
                    return None
        self._waiting = None
        return self._packet(packet)

    def _next(self) -> Any:
        while True:
            try:
                packet = next(self._packets)
            except StopIteration:
                self._again()
                continue
            except fault.FFmpegError:
                self._again()
                continue
            if packet.size == 0:
                continue
            self._note_times(packet)
            return packet

    def _note_times(self, packet: Any) -> None:
        """Give a packet without times those that follow from the one before, and learn the file's first time."""
        if packet.dts is None:
            packet.dts = round((self._end_s - self._shift_s + (self._first_s or 0.0)) / packet.time_base)
        if self._first_s is None:
            self._first_s = float(packet.dts * packet.time_base)

    def _again(self) -> None:
        if not self._given:
            raise NotAVideo(f"{self._config.path}: the file holds no picture", cure="Choose another file.")
        if not self._config.loop:
            raise EndOfSource(f"{self._config.path}: played to its end")
        self._shift_s, self._given, self._last_s = self._end_s, 0, None
        self._let_go()
        self._open()

    def _time_of(self, packet: Any) -> float:
        return packet.dts * self._bases[packet.stream_index].seconds - (self._first_s or 0.0)

    def _packet(self, packet: Any) -> Packet:
        is_video, base = packet.stream_index == self._video_index, self._bases[packet.stream_index]
        duration = packet.duration or 0
        shift, ticks = round(self._shift_s / base.seconds), base.ticks
        at_s, lasts_s = self._time_of(packet) + self._shift_s, duration * base.seconds
        if is_video:
            self._given += 1
            if self._last_s is not None:
                self._step_s = at_s - self._last_s
            self._last_s = at_s
            lasts_s = lasts_s or self._step_s or base.seconds
        self._end_s = max(self._end_s, at_s + lasts_s)
        return Packet(
            "video" if is_video else "audio",
            bytes(packet),
            (packet.pts + shift) * ticks if packet.pts is not None else None,
            (packet.dts + shift) * ticks,
            duration * ticks,
            bool(packet.is_keyframe),
            time.monotonic_ns() // 1000,
        )

    def close(self) -> None:
        """Close the file. During a read, which FFmpeg would not survive, the read closes it when it comes back."""
        self._closing = True
        if self._reading.acquire(blocking=False):
            try:
                self._let_go()
            finally:
                self._reading.release()

    def _let_go(self) -> None:
        container, self._container, self._packets = self._container, None, iter(())
        if container is not None:
            container.close()


def _was_cut(stream: Any, size: int) -> bool:
    """Whether the file's table of contents names more than the file holds."""
    entries = stream.index_entries
    return len(entries) > 0 and entries[-1].pos + entries[-1].size > size > 0


def _track(stream: Any, codecs: dict[str, Codec]) -> TrackInfo:
    context = stream.codec_context
    is_video = stream.type == "video"
    return TrackInfo(
        "video" if is_video else "audio",
        codecs[context.name],
        stream.time_base.denominator,
        bytes(context.extradata or b""),
        context.width if is_video else 0,
        context.height if is_video else 0,
        0 if is_video else context.sample_rate,
        0 if is_video else len(context.layout.channels),
    )
