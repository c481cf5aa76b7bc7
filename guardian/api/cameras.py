"""/cameras: state, recordings, HLS, clips."""

from __future__ import annotations

from aiohttp import web

from guardian.api.media import MP4, body, send_clip
from guardian.api.paging import Page
from guardian.api.routing import Operations
from guardian.api.schemas import CameraOut, ClipQuery, MediaQuery, SpanOut, SpanQuery
from guardian.media.hls import media_playlist
from guardian.model.errors import BadRequest, NotFound
from guardian.model.ids import is_uuid7
from guardian.model.time import SECOND_US, Span, to_rfc3339
from guardian.platform.clock import SystemClock
from guardian.services.contract import Services

operations = Operations("cameras")
DAY_US = 86_400 * SECOND_US
HLS = "application/vnd.apple.mpegurl"
SEGMENT = r"{segment:[0-9a-f-]{36}}"


def checked_span(start_us: int, end_us: int) -> Span:
    """Return a span; BadRequest where it is empty."""
    if end_us <= start_us:
        raise BadRequest(
            "end: must be later than start", field="end", cure="end: an RFC 3339 time with offset, later than start"
        )
    return Span(start_us, end_us)


def stamp(utc_us: int) -> str:
    """Return a time as it may stand in a file name."""
    return to_rfc3339(utc_us)[:19].replace("-", "").replace(":", "") + "Z"


@operations.add("GET", "/cameras")
async def list_cameras(services: Services, request: web.Request) -> Page[CameraOut]:
    """Every camera, in the order of the configuration."""
    return Page[CameraOut](items=[CameraOut.of(view) for view in services.cameras.list()], next=None)


@operations.add("GET", "/cameras/{camera}", errors=(404,))
async def get_camera(services: Services, request: web.Request) -> CameraOut:
    """One camera."""
    return CameraOut.of(services.cameras.get(request.match_info["camera"]))


@operations.add("GET", "/cameras/{camera}/recordings", errors=(400, 404))
async def list_recordings(services: Services, request: web.Request, query: SpanQuery) -> Page[SpanOut]:
    """Where there is footage in a span, oldest first.

    Without `start` and `end`: the last 24 hours. Stretches less than 1.5 s apart are joined.
    """
    camera = services.cameras.get(request.match_info["camera"]).id
    end_us = query.end if query.end is not None else SystemClock().now().utc_us
    start_us = query.start if query.start is not None else end_us - DAY_US
    span = checked_span(start_us, end_us)
    spans = await services.timeline.spans(camera, span.start_us, span.end_us)
    return Page[SpanOut](items=[SpanOut.of(one) for one in spans], next=None)


@operations.add("GET", "/cameras/{camera}/hls/index.m3u8", media=HLS, errors=(400, 404, 423))
async def get_playlist(services: Services, request: web.Request, query: ClipQuery) -> web.StreamResponse:
    """HLS playlist of a span, at most 25 hours. It begins at the keyframe before `start`."""
    camera = services.cameras.get(request.match_info["camera"]).id
    span = checked_span(query.start, query.end)
    playlist = await services.playback.playlist(camera, span.start_us, span.end_us)
    if not playlist.entries:
        raise NotFound(
            "there is no footage in this span",
            field="start",
            cure=f"/api/v1/cameras/{camera}/recordings lists what there is.",
        )
    suffix = f"?as={query.as_}" if query.as_ else ""
    text = media_playlist(
        playlist,
        lambda segment: f"init-{segment}.mp4{suffix}",
        lambda segment, index: f"{segment}-{index}.m4s{suffix}",
    )
    return body(text.encode(), HLS)


@operations.add("GET", f"/cameras/{{camera}}/hls/init-{SEGMENT}.mp4", media=MP4, errors=(404, 423, 503))
async def get_init(services: Services, request: web.Request, query: MediaQuery) -> web.StreamResponse:
    """MP4 init segment of a playlist."""
    segment = _segment(services, request)
    return body(await services.playback.init(segment, as_h264=query.as_ == "h264"), MP4)


@operations.add(
    "GET", f"/cameras/{{camera}}/hls/{SEGMENT}-{{index:[0-9]{{1,6}}}}.m4s", media="video/iso.segment", errors=(404, 423, 503)
)
async def get_fragment(services: Services, request: web.Request, query: MediaQuery) -> web.StreamResponse:
    """MP4 fragment of a playlist."""
    segment, index = _segment(services, request), int(request.match_info["index"])
    data = await services.playback.fragment(segment, index, as_h264=query.as_ == "h264")
    return body(data, "video/iso.segment")


def _segment(services: Services, request: web.Request) -> str:
    services.cameras.get(request.match_info["camera"])
    segment = request.match_info["segment"]
    if not is_uuid7(segment):
        raise NotFound(f"there is no segment {segment!r}", field="segment", cure="Take addresses from the playlist.")
    return segment


@operations.add("GET", "/cameras/{camera}/clip.mp4", media=MP4, errors=(400, 404, 416, 423, 503))
async def get_clip(services: Services, request: web.Request, query: ClipQuery) -> web.StreamResponse:
    """One MP4 of a span, which begins at 0. Ranges are served up to 64 MiB; export what is longer."""
    camera = services.cameras.get(request.match_info["camera"]).id
    span = checked_span(query.start, query.end)
    pieces = services.playback.clip(camera, span.start_us, span.end_us, as_h264=query.as_ == "h264")
    return await send_clip(request, pieces, f"{camera}-{stamp(span.start_us)}.mp4")
