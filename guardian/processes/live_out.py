"""Live fragments, one a video frame, while somebody looks: begins with the current GOP, so that a picture is there at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from guardian.media.fmp4_write import audio_timescale, codecs_string, init_segment, media_fragment
from guardian.model.errors import GuardianError
from guardian.model.media import Codec, Sample, StreamInfo
from guardian.model.messages import LiveFragment, LiveInit, Message

_log = structlog.get_logger(__name__)
MAX_GOP_BYTES = 16 * 1024 * 1024
MAX_GOP_SAMPLES = 3000


class Transcoder(Protocol):
    """Turns samples of one run into H.264 samples; may return none, one or several for one."""

    info: StreamInfo

    def push(self, sample: Sample) -> Sequence[Sample]: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class _Feed:
    """One feed that is wanted. `audio` waits for the next video frame to travel with."""

    name: str
    info: StreamInfo
    transcoder: Transcoder | None = None
    sequence: int = 0
    audio: list[Sample] = field(default_factory=list)


class LiveOut:
    """Live feeds of one stream. `send` puts a message on the link to the conductor."""

    def __init__(
        self, stream: str, send: Callable[[Message, bytes], None], make_transcoder: Callable[[StreamInfo], Transcoder]
    ) -> None:
        self._stream, self._send, self._make_transcoder = stream, send, make_transcoder
        self._lock = threading.Lock()
        self._info: StreamInfo | None = None
        self._gop: list[Sample] = []
        self._gop_bytes = 0
        self._wanted: set[str] = set()
        self._feeds: dict[str, _Feed] = {}

    def begin_run(self, info: StreamInfo) -> None:
        """A new run: every wanted feed begins anew."""
        with self._lock:
            self._info, self._gop, self._gop_bytes = info, [], 0
            self._drop_feeds()
            for name in sorted(self._wanted):
                self._open(name)

    def end_run(self) -> None:
        """The camera has gone; feeds begin anew with its next run."""
        with self._lock:
            self._info, self._gop = None, []
            self._drop_feeds()

    def want(self, feed: str, on: bool) -> bool:
        """Somebody begins or stops to look at a feed (`main`, `main/h264`); returns whether anybody looks now."""
        with self._lock:
            if not on:
                self._wanted.discard(feed)
                if (gone := self._feeds.pop(feed, None)) is not None and gone.transcoder is not None:
                    gone.transcoder.close()
            elif feed not in self._wanted or feed not in self._feeds:
                self._wanted.add(feed)
                if self._info is not None:
                    self._open(feed)
            return bool(self._wanted)

    def push(self, sample: Sample) -> None:
        """Take the run's next sample."""
        with self._lock:
            if sample.kind == "video" and sample.is_key:
                self._gop, self._gop_bytes = [], 0
            if self._gop_bytes < MAX_GOP_BYTES and len(self._gop) < MAX_GOP_SAMPLES and (self._gop or sample.is_key):
                self._gop.append(sample)
                self._gop_bytes += len(sample.data)
            for feed in list(self._feeds.values()):
                self._deliver(feed, sample)

    def _open(self, name: str) -> None:
        assert self._info is not None
        try:
            transcoder = (
                self._make_transcoder(self._info)
                if name.endswith("/h264") and self._info.video.codec is not Codec.H264
                else None
            )
        except GuardianError as error:
            _log.warning("no_transcode", stream=self._stream, problem=error.message)
            return
        info = transcoder.info if transcoder is not None else self._info
        feed = self._feeds[name] = _Feed(name, info, transcoder)
        note = "Transcoded to H.264 for this browser." if transcoder is not None else ""
        self._send(LiveInit(name, codecs_string(info), info.video.width, info.video.height, note), init_segment(info))
        for sample in self._gop:
            self._deliver(feed, sample)

    def _deliver(self, feed: _Feed, sample: Sample) -> None:
        samples = [sample]
        if feed.transcoder is not None:
            samples = list(feed.transcoder.push(sample)) if sample.kind == "video" else []
        for one in samples:
            if one.kind == "audio":
                if feed.info.audio is not None and feed.info.audio.codec.fits_mp4 and len(feed.audio) < MAX_GOP_SAMPLES:
                    feed.audio.append(one)
                continue
            feed.sequence += 1
            audio, feed.audio = feed.audio, []
            timescale = audio_timescale(feed.info.audio) if feed.info.audio is not None else 0
            data = media_fragment([one, *audio], feed.sequence, timescale)
            self._send(LiveFragment(feed.name, one.is_key, one.arrived_us), data)

    def _drop_feeds(self) -> None:
        for feed in self._feeds.values():
            if feed.transcoder is not None:
                feed.transcoder.close()
        self._feeds = {}
