from dataclasses import replace

from guardian.media.hls import media_playlist
from guardian.model.views import Playlist, PlaylistEntry

ENTRY = PlaylistEntry("seg-a", 1, 1_700_000_000_250_000, 0, 180_000, 1000, True, True, False)


def listed(*entries: PlaylistEntry, growing: bool = False) -> list[str]:
    playlist = Playlist("yard", "main", "avc1.640028", 0, 1, growing, entries)
    return media_playlist(playlist, lambda s: f"{s}/init.mp4", lambda s, i: f"{s}/{i}.m4s").splitlines()


def test_one_run_over_two_segments() -> None:
    assert listed(
        ENTRY,
        replace(ENTRY, index=2, new_init=False, start_90k=180_000, duration_90k=96_000),
        replace(ENTRY, segment_id="seg-b", start_utc_us=1_700_000_004_000_000),
    ) == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="seg-a/init.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.250Z",
        "#EXTINF:2.00000,",
        "seg-a/1.m4s",
        "#EXTINF:1.06667,",
        "seg-a/2.m4s",
        '#EXT-X-MAP:URI="seg-b/init.mp4"',
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:24.000Z",
        "#EXTINF:2.00000,",
        "seg-b/1.m4s",
        "#EXT-X-ENDLIST",
    ]


def test_a_gap_is_a_discontinuity_before_its_map() -> None:
    lines = listed(ENTRY, replace(ENTRY, segment_id="seg-b", discontinuity=True))
    at = lines.index("#EXT-X-DISCONTINUITY")
    assert lines[at - 1] == "seg-a/1.m4s"
    assert lines[at + 1] == '#EXT-X-MAP:URI="seg-b/init.mp4"'
    assert lines[at + 2].startswith("#EXT-X-PROGRAM-DATE-TIME:")
    assert "#EXT-X-DISCONTINUITY" not in listed(replace(ENTRY, discontinuity=True))


def test_a_growing_list_has_no_end_and_a_steady_target() -> None:
    lines = listed(replace(ENTRY, duration_90k=45_000), growing=True)
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in lines
    assert "#EXT-X-ENDLIST" not in lines
    assert "#EXT-X-TARGETDURATION:2" in lines
    assert "#EXT-X-TARGETDURATION:4" in listed(replace(ENTRY, duration_90k=3 * 90_000 + 45_000))


def test_split_gops_are_not_called_independent() -> None:
    assert "#EXT-X-INDEPENDENT-SEGMENTS" not in listed(ENTRY, replace(ENTRY, index=2, is_key=False))
    assert listed()[-1] == "#EXT-X-ENDLIST"
