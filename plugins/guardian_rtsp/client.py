"""An RTSP client (RFC 2326) over one TCP connection, media interleaved: many RTP packets a system call.

FFmpeg's client asks the kernel three times for each RTP packet; at 4 Mb/s that is a thousand calls a second and most of what
recording a camera costs. This one takes what has come, whole buffers at a time.
"""

from __future__ import annotations

import math
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from guardian.sdk import CameraPathNotFound, CameraRefusedLogin, CameraUnreachable, Codec, NotAVideo
from guardian_rtsp import runs, sdp
from guardian_rtsp.auth import Login
from guardian_rtsp.depacket import Depacketizer, Unit, depacketizer
from guardian_rtsp.sockets import connected

BUFFER = 4 * 1024 * 1024
MAX_HEAD = 64 * 1024
DEFAULT_SESSION_S = 60.0
# A wake and its cold caches cost more than what is taken in, so frames may gather for as long as the program allows; for less
# where the kernel's buffer would fill in that time, for a camera that cannot send drops pictures.
FIRST_GATHER_S = 0.02
UNKNOWN_GOP_S = 1.0  # the most where nobody knows when the next keyframe comes
AFTER_KEYFRAME_S = 0.1  # a keyframe is given this long to come in whole
VIDEO_CLOCK = 90_000
LONGEST_GOP = 20 * VIDEO_CLOCK
LEAST_LIKELY = 16
RTP_HEAD = struct.Struct(">BBHI4x")  # version and flags, marker and payload type, sequence number, timestamp, source
AGENT = "Guardian"
ADDRESS = "Is the camera on, and are the address and the port right?"
AGAIN = "It is asked anew by itself."


@dataclass(slots=True)
class Answer:
    """A response. Header names are lower case."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str:
        """Return a header, or nothing."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Return every header of a name."""
        return [value for key, value in self.headers if key == name]


@dataclass(slots=True)
class Track:
    """One stream that plays. `shift` is taken from its timestamps (RTP-Info), so that tracks begin together."""

    media: sdp.Media
    unpack: Depacketizer
    last_sequence: int = -1
    timestamp: int = 0
    raw_timestamp: int = -1
    shift: int | None = None
    first: int | None = None
    likely: int = LEAST_LIKELY  # packets of a unit but its last, at most, by the one before
    fragment_head: int = 0  # bytes before a fragment's part of its unit; 0 where units are not fragmented


@dataclass(slots=True)
class Arrived:
    """An access unit; `timestamp` counts on in the track's clock and never wraps."""

    kind: str
    timestamp: int
    data: bytes
    is_key: bool
    arrived_us: int


class Unsupported(Exception):
    """The camera wants something that this client does not do; FFmpeg's may."""


@dataclass(slots=True)
class RtspClient:
    """One connection. Blocking; messages never hold the login."""

    url: str
    timeout_s: float
    where: str
    _sock: socket.socket | None = None
    _buffer: bytearray = field(default_factory=lambda: bytearray(BUFFER))
    _view: memoryview = field(init=False)
    _start: int = 0
    _end: int = 0
    _sequence: int = 0
    _session: str = ""
    _session_s: float = DEFAULT_SESSION_S
    _kept_s: float = 0.0
    _tracks: dict[int, Track] = field(default_factory=dict)
    _ready: deque[Arrived] = field(default_factory=deque)
    _login: Login = field(default_factory=lambda: Login("", ""))
    _base: str = ""
    lost: int = 0
    _allowed_s: float = 0.0
    _hurry: threading.Event = field(default_factory=threading.Event)
    _key_at: int = 0
    _newest: int = 0
    _gop_ticks: int = 0
    _gather_s: float = FIRST_GATHER_S

    def __post_init__(self) -> None:
        self._view = memoryview(self._buffer)

    def open(self) -> list[sdp.Media]:
        """Connect, ask what there is, and play one video and one audio stream; returns those that play."""
        parts = urlsplit(self.url)
        self._login = Login(unquote(parts.username or ""), unquote(parts.password or ""))
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
        self._connect(parts.hostname or "", parts.port or 554)
        described = self._ask("DESCRIBE", self._base, {"Accept": "application/sdp"})
        text = described.body.decode("utf-8", "replace")
        media = sdp.parse(text, described.get("content-base") or described.get("content-location") or self._base)
        chosen = self._choose(media)
        for number, one in enumerate(chosen):
            self._set_up(number, one)
        aggregate = (described.get("content-base") or self._base).rstrip("/") if len(chosen) > 1 else self._base
        played = self._ask("PLAY", aggregate, {"Range": "npt=0.000-"})
        self._align(played.get("rtp-info"))
        self._kept_s = time.monotonic()
        return chosen

    def _connect(self, host: str, port: int) -> None:
        try:
            self._sock = connected(host, port, self.timeout_s)
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except ConnectionRefusedError:
            raise CameraUnreachable(f"{self.where}: nothing listens there (connection refused)", cure=ADDRESS) from None
        except TimeoutError:
            raise CameraUnreachable(f"{self.where}: the camera does not answer", cure=ADDRESS) from None
        except OSError as error:
            raise CameraUnreachable(f"{self.where}: cannot be reached ({error.strerror or error})", cure=ADDRESS) from None

    def _choose(self, media: list[sdp.Media]) -> list[sdp.Media]:
        videos = [one for one in media if one.kind == "video"]
        video = next((one for one in videos if one.codec in (Codec.H264, Codec.H265)), None)
        if video is None:
            names = ", ".join(one.name for one in videos) or "no video at all"
            raise NotAVideo(f"{self.where}: the camera sends {names}", cure="Set the camera's video to H.264 or H.265.")
        audio = next((one for one in media if one.kind == "audio" and one.codec is not None), None)
        return [video] if audio is None else [video, audio]

    def _set_up(self, number: int, media: sdp.Media) -> None:
        channels = f"{number * 2}-{number * 2 + 1}"
        answer = self._ask("SETUP", media.control, {"Transport": f"RTP/AVP/TCP;unicast;interleaved={channels}"})
        transport = answer.get("transport").lower()
        if "tcp" not in transport:
            raise Unsupported("the camera does not send over TCP")
        given = next((part for part in transport.split(";") if part.startswith("interleaved=")), f"interleaved={channels}")
        session, *more = answer.get("session").split(";")
        self._session = session.strip()
        for part in more:
            name, _, value = part.strip().partition("=")
            if name == "timeout" and value.isdigit():
                self._session_s = max(5.0, float(value))
        assert media.codec is not None
        head = {Codec.H264: 2, Codec.H265: 3}.get(media.codec, 0)
        channel = given.removeprefix("interleaved=").partition("-")[0]
        self._tracks[int(channel) if channel.isdigit() else number * 2] = Track(
            media, depacketizer(media.codec, media.parameters), fragment_head=head
        )

    def _align(self, info: str) -> None:
        for part in info.split(",url="):
            fields = dict(field.strip().partition("=")[::2] for field in part.split(";"))
            url = fields.get("url", part.partition(";")[0])
            for track in self._tracks.values():
                if fields.get("rtptime", "").isdigit() and track.media.control.rstrip("/").endswith(
                    url.rstrip("/").rpartition("/")[2]
                ):
                    track.shift = int(fields["rtptime"])

    # requests

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> Answer:
        for again in (False, True):
            self._send(method, url, headers)
            answer = self._answer()
            if answer.status == 401 and not again and self._login.challenge(answer.all("www-authenticate")):
                continue
            self._check(answer)
            return answer
        raise AssertionError

    def _send(self, method: str, url: str, headers: dict[str, str]) -> None:
        self._sequence += 1
        lines = [f"{method} {url} RTSP/1.0", f"CSeq: {self._sequence}", f"User-Agent: {AGENT}"]
        if self._session:
            lines.append(f"Session: {self._session}")
        if authorization := self._login.header(method, url):
            lines.append(f"Authorization: {authorization}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        assert self._sock is not None
        try:
            self._sock.sendall("\r\n".join([*lines, "", ""]).encode())
        except OSError:
            raise CameraUnreachable(f"{self.where}: the camera hung up", cure=AGAIN) from None

    def _check(self, answer: Answer) -> None:
        if answer.status < 300:
            return
        if answer.status in (401, 403):
            raise CameraRefusedLogin(
                f"{self.where}: the camera refused the login", cure="Correct the camera's username and password."
            )
        if answer.status == 404:
            raise CameraPathNotFound(
                f"{self.where}: the camera knows no such path", cure="Correct the path at the end of the url."
            )
        if answer.status in (461, 300, 301, 302, 305):
            raise Unsupported(f"status {answer.status}")
        raise CameraUnreachable(f"{self.where}: the camera answered {answer.status} {answer.reason}", cure=AGAIN)

    def _answer(self) -> Answer:
        """Wait for a response; media that comes meanwhile is kept."""
        deadline = time.monotonic() + self.timeout_s
        while True:
            answer = self._parse()
            if answer is not None:
                return answer
            if time.monotonic() > deadline:
                raise CameraUnreachable(
                    f"{self.where}: what answers there does not speak RTSP, or says nothing", cure=ADDRESS
                )
            self._fill(max(0.05, deadline - time.monotonic()), while_waiting=True)

    # what comes

    def read(self, timeout_s: float) -> Arrived | None:
        """Return the next access unit, or None when none came in time."""
        deadline = time.monotonic() + timeout_s
        while not self._ready:
            self._keep_alive()
            if self._allowed_s and self._hurry.wait(self._wait_s()):
                self._hurry.clear()
            if not self._fill(max(deadline - time.monotonic(), 0.01)):
                return None
            while self._parse() is not None:
                pass  # an answer to what kept the session alive
        return self._ready.popleft()

    def allow_delay(self, seconds: float) -> None:
        """Let packets gather for so long; who waits longer just now is woken."""
        hurry, self._allowed_s = seconds < self._allowed_s, seconds
        if hurry:
            self._hurry.set()

    def _wait_s(self) -> float:
        """How long to let packets gather: never past the end of a GOP, for it is not on the disk before it is read.

        What a crash would cost then is the GOP in flight, as if every packet were taken at once.
        """
        wait_s = min(self._gather_s, self._allowed_s)
        if self._gop_ticks:
            left_s = (self._key_at + self._gop_ticks - self._newest) / VIDEO_CLOCK + AFTER_KEYFRAME_S
            if left_s > 0:
                return left_s / math.ceil(left_s / wait_s)
        return min(wait_s, UNKNOWN_GOP_S)

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if now - self._kept_s > self._session_s / 2:
            self._kept_s = now
            self._send("GET_PARAMETER", self._base, {})

    def _fill(self, timeout_s: float, *, while_waiting: bool = False) -> bool:
        """Take what has come into the buffer; False when nothing came in time."""
        sock = self._sock
        if sock is None:
            raise CameraUnreachable(f"{self.where}: closed", cure=AGAIN)
        if self._start:  # what is left is a part of a packet; memory that was just used is still at hand
            rest = self._buffer[self._start : self._end]
            self._buffer[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        if self._end == len(self._buffer):
            raise CameraUnreachable(f"{self.where}: what comes is no RTSP", cure=ADDRESS)
        try:
            sock.settimeout(timeout_s)
            got = sock.recv_into(self._view[self._end :])
        except TimeoutError:
            if while_waiting:
                raise CameraUnreachable(f"{self.where}: what answers there says nothing", cure=ADDRESS) from None
            return False
        except OSError:
            raise CameraUnreachable(f"{self.where}: the connection broke", cure=AGAIN) from None
        if got == 0:
            raise CameraUnreachable(f"{self.where}: the camera hung up", cure=AGAIN)
        self._end += got
        self._pace(got)
        return True

    def _pace(self, got: int) -> None:
        """Let so much gather that half of the kernel's buffer, which grows by and by, is filled at most."""
        assert self._sock is not None
        room = min(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2, BUFFER)  # half of it is bookkeeping
        if got > room // 2:
            self._gather_s = max(self._gather_s / 2, FIRST_GATHER_S)
        elif got < room // 4:
            self._gather_s = min(self._gather_s * 1.5, max(self._allowed_s, FIRST_GATHER_S))

    def _parse(self) -> Answer | None:
        """Take apart what is in the buffer; stops at a response and returns it."""
        buffer, at, end, tracks = self._buffer, self._start, self._end, self._tracks
        now_us = time.monotonic_ns() // 1000
        answer = None
        while at + 4 <= end:
            if buffer[at] == 0x24:
                stop = at + 4 + (buffer[at + 2] << 8 | buffer[at + 3])
                if stop > end:
                    break
                track = tracks.get(buffer[at + 1])
                if track is not None:
                    head = track.fragment_head
                    if head and stop > at + 16 + head and (place := buffer[at + 15 + head] & 0xC0) in (0, 0x80):
                        after = self._take_whole(track, at, end, now_us) if place else self._take_middles(track, at, end)
                        if after > at:
                            at = after
                            continue
                    self._take_rtp(track, at + 4, stop, now_us)
                at = stop
                continue
            found = self._response(at, end)
            if found is None:
                break
            answer, at = found
            if answer.status:
                break
        for track in tracks.values():
            track.unpack.settle()
        self._start, self._end = (0, 0) if at == end else (at, end)
        return answer if answer is not None and answer.status else None

    def _response(self, at: int, end: int) -> tuple[Answer, int] | None:
        """Return the response (or the camera's own request, status 0) that begins here and where it ends; None: not yet whole."""
        head_end = self._buffer.find(b"\r\n\r\n", at, end)
        if head_end < 0:
            if end - at > MAX_HEAD or self._buffer[at : at + 1] not in (b"R", b"O", b"S", b"G", b"A", b"T"):
                raise CameraUnreachable(f"{self.where}: what comes is no RTSP", cure=ADDRESS)
            return None
        first, *lines = self._buffer[at:head_end].decode("utf-8", "replace").split("\r\n")
        headers = [(name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        answer = Answer(0, "", headers, b"")
        length = answer.get("content-length")
        stop = head_end + 4 + (int(length) if length.isdigit() else 0)
        if stop - at > len(self._buffer):
            raise CameraUnreachable(f"{self.where}: the camera's answer is too long", cure=ADDRESS)
        if stop > end:
            return None
        if first.startswith("RTSP/"):
            _, status, *reason = [*first.split(" ", 2), ""]
            answer.status, answer.reason = (int(status) if status.isdigit() else 500), reason[0]
            answer.body = bytes(self._buffer[head_end + 4 : stop])
        return answer, stop

    def _take_whole(self, track: Track, at: int, end: int, now_us: int) -> int:
        """Take a fragmented unit that lies in the buffer from its first packet to its last; returns where it ends.

        How many packets it may have is guessed by the unit before; one that is longer goes the way of pieces.
        """
        buffer, head, body = self._buffer, track.fragment_head, at + 16 + track.fragment_head
        if not track.unpack.is_fragment(buffer[at + 16]):  # type: ignore[attr-defined]
            return at
        expected = track.last_sequence + 1 & 0xFFFF
        found = runs.whole_unit(buffer, at, end, head, track.media.payload, expected, track.likely)
        if found is None:
            track.likely = min(2 * track.likely, runs.MOST)
            return at
        count, stop = found
        _, _, sequence, timestamp = RTP_HEAD.unpack_from(buffer, at + 4)
        step = 4 + (buffer[at + 2] << 8 | buffer[at + 3])
        view, size, last = self._view, step - 16 - head, at + count * step
        parts = [view[n : n + size] for n in range(body, last, step)]
        parts.append(view[last + 16 + head : stop])
        if timestamp != track.raw_timestamp:
            self._next_unit(track, timestamp)
        marker = buffer[last + 5] > 0x7F
        units = track.unpack.whole(  # type: ignore[attr-defined]
            buffer[at + 16 : body], parts, count * size + stop - last - 16 - head, track.timestamp, marker
        )
        if units is None:
            return at
        track.last_sequence, track.likely = sequence + count & 0xFFFF, max(count + count // 2, LEAST_LIKELY)
        self._give(track, units, now_us)
        return stop

    def _take_middles(self, track: Track, at: int, end: int) -> int:
        """Take the middle packets of a fragmented unit all at once; returns where the first one that is none begins.

        (Timestamps need no look: packets that follow each other without loss and neither begin nor end a unit belong to one.)
        """
        buffer, head = self._buffer, track.fragment_head
        if not track.unpack.in_fragment(buffer[at + 8 : at + 12], buffer[at + 16]):  # type: ignore[attr-defined]
            return at
        count = runs.middles(buffer, at, end, head, track.media.payload, track.last_sequence + 1 & 0xFFFF)
        step = 4 + (buffer[at + 2] << 8 | buffer[at + 3])
        view, stop, size = self._view, at + count * step, step - 16 - head
        if not track.unpack.more([view[n : n + size] for n in range(at + 16 + head, stop, step)], count * size):  # type: ignore[attr-defined]
            return at
        track.last_sequence = track.last_sequence + count & 0xFFFF
        return stop

    def _take_rtp(self, track: Track, at: int, stop: int, now_us: int) -> None:
        """RTP (RFC 3550, 5.1): skip the header, count losses, and hand the payload on."""
        if stop - at < RTP_HEAD.size:
            return
        buffer = self._buffer
        first, second, sequence, timestamp = RTP_HEAD.unpack_from(buffer, at)
        if first >> 6 != 2 or second & 0x7F != track.media.payload:
            return
        body = at + RTP_HEAD.size
        if first & 0x3F:
            body, stop = self._without_extras(first, body, stop)
        lost = track.last_sequence >= 0 and sequence != (track.last_sequence + 1) & 0xFFFF
        track.last_sequence = sequence
        self.lost += lost
        if timestamp != track.raw_timestamp:
            self._next_unit(track, timestamp)
        units = track.unpack.push(self._view[body:stop], track.timestamp, second > 0x7F, lost)
        self._give(track, units, now_us)

    def _give(self, track: Track, units: Sequence[Unit], now_us: int) -> None:
        if units:
            origin = track.shift if track.shift is not None else track.first
            self._ready += [Arrived(track.media.kind, ticks - origin, data, key, now_us) for ticks, data, key in units]
            if track.media.kind == "video":
                self._newest, _, key = units[-1]
                if key:
                    self._gop_ticks = self._newest - self._key_at if 0 < self._newest - self._key_at < LONGEST_GOP else 0
                    self._key_at = self._newest

    def _next_unit(self, track: Track, timestamp: int) -> None:
        if track.first is None:
            track.first = track.timestamp = timestamp
        track.timestamp += (timestamp - track.timestamp + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        track.raw_timestamp = timestamp
        if track.fragment_head:
            track.unpack.raw_timestamp = timestamp.to_bytes(4, "big")  # type: ignore[attr-defined]

    def _without_extras(self, first: int, body: int, stop: int) -> tuple[int, int]:
        """Leave out contributing sources, a header extension and padding."""
        buffer = self._buffer
        body += 4 * (first & 15)
        if first & 0x10 and body + 4 <= stop:
            body += 4 + 4 * (buffer[body + 2] << 8 | buffer[body + 3])
        if first & 0x20 and stop > body:
            stop -= buffer[stop - 1]
        return body, max(body, stop)

    def close(self) -> None:
        """Hang up, with a TEARDOWN where that is quick."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        try:
            if self._session:
                sock.settimeout(0.2)
                sock.sendall(
                    f"TEARDOWN {self._base} RTSP/1.0\r\nCSeq: {self._sequence + 1}\r\nSession: {self._session}\r\n\r\n".encode()
                )
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        sock.close()
