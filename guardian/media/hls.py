"""HLS media playlists of sealed footage (RFC 8216 and its second edition), version 7: fragmented MP4."""

from collections.abc import Callable, Iterator

from guardian.model.media import VIDEO_TIMESCALE
from guardian.model.time import to_rfc3339
from guardian.model.views import Playlist, PlaylistEntry

_LEAST_TARGET_S = 2  # fragments last two seconds at the most as a rule; the target of a growing list must not change


def media_playlist(playlist: Playlist, init_url: Callable[[str], str], fragment_url: Callable[[str, int], str]) -> str:
    """Return the m3u8. `init_url(segment_id)` and `fragment_url(segment_id, index)` make addresses, relative or not.

    Footage that is complete is a VOD; one that grows is an EVENT without an end, to which later calls only add.
    """
    longest = max((entry.duration_90k for entry in playlist.entries), default=0)
    target = max(_LEAST_TARGET_S, (longest + VIDEO_TIMESCALE // 2) // VIDEO_TIMESCALE)
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target}",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if playlist.growing else 'VOD'}",
        "#EXT-X-MEDIA-SEQUENCE:0",
    ]
    if playlist.entries and all(entry.is_key for entry in playlist.entries):
        lines.append("#EXT-X-INDEPENDENT-SEGMENTS")
    for position, entry in enumerate(playlist.entries):
        lines += _entry_lines(entry, position == 0, init_url, fragment_url)
    if not playlist.growing:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _entry_lines(
    entry: PlaylistEntry, is_first: bool, init_url: Callable[[str], str], fragment_url: Callable[[str, int], str]
) -> Iterator[str]:
    if entry.discontinuity and not is_first:
        yield "#EXT-X-DISCONTINUITY"
    if entry.new_init or is_first:
        yield f'#EXT-X-MAP:URI="{init_url(entry.segment_id)}"'
    if entry.new_init or entry.discontinuity or is_first:
        yield f"#EXT-X-PROGRAM-DATE-TIME:{to_rfc3339(entry.start_utc_us)}"
    yield f"#EXTINF:{entry.duration_90k / VIDEO_TIMESCALE:.5f},"
    yield fragment_url(entry.segment_id, entry.index)
