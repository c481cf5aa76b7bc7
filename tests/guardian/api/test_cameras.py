import pytest
from aiohttp.test_utils import TestClient

from guardian.model.time import SECOND_US, to_rfc3339
from tests.guardian.api.fakes import SEGMENT, T0, Fakes

SPAN = f"start={to_rfc3339(T0)}&end={to_rfc3339(T0 + 60 * SECOND_US)}"
FRONT = "/api/v1/cameras/front"


async def test_cameras_are_listed_with_state_problem_and_cure(client: TestClient) -> None:
    listing = await (await client.get("/api/v1/cameras")).json()
    assert listing["next"] is None
    front, yard = listing["items"]
    assert (front["id"], front["name"], front["state"]) == ("front", "Front door", "running")
    assert front["since"] == "2026-11-23T00:00:00.000Z"
    assert front["streams"][0]["bitrate_bps"] == 4_000_000
    assert (yard["code"], yard["cure"]) == ("login_refused", "Correct it.")


async def test_one_camera(client: TestClient) -> None:
    assert (await (await client.get(FRONT)).json())["id"] == "front"
    answer = await client.get("/api/v1/cameras/attic")
    body = await answer.json()
    assert (answer.status, body["field"], body["cure"]) == (404, "camera", "Cameras: front, yard.")


async def test_recordings_are_spans(client: TestClient, fakes: Fakes) -> None:
    listing = await (await client.get(f"{FRONT}/recordings?{SPAN}")).json()
    assert listing["items"] == [
        {
            "start": "2026-11-23T00:00:00.000Z",
            "end": "2026-11-23T00:01:00.000Z",
            "stream": "main",
            "codecs": "avc1.640028",
            "size_bytes": 1234,
            "open": True,
        }
    ]
    assert fakes.timeline.asked == [("front", T0, T0 + 60 * SECOND_US)]


async def test_recordings_of_the_last_day_without_a_span(client: TestClient, fakes: Fakes) -> None:
    assert (await client.get(f"{FRONT}/recordings")).status == 200
    ((_, start_us, end_us),) = fakes.timeline.asked
    assert end_us - start_us == 86_400 * SECOND_US


async def test_an_offset_is_understood(client: TestClient, fakes: Fakes) -> None:
    answer = await client.get(f"{FRONT}/recordings?start=2026-11-23T01:00:00%2B01:00&end=2026-11-23T00:01:00Z")
    assert answer.status == 200
    assert fakes.timeline.asked[0][1] == T0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=yesterday&end=2026-11-23T00:00:00Z", "start"),
        ("start=2026-11-23T00:00:00&end=2026-11-23T01:00:00Z", "start"),
        ("start=2026-13-23T00:00:00Z&end=2026-11-23T01:00:00Z", "start"),
        ("start=2026-11-23T01:00:00Z&end=2026-11-23T00:00:00Z", "end"),
        ("start=2026-11-23T01:00:00Z", "end"),
        ("start=2026-11-23T00:00:00Z&end=2026-11-23T01:00:00Z&from=x", "from"),
        ("start=2026-11-23T00:00:00Z&start=2026-11-23T00:00:00Z&end=2026-11-23T01:00:00Z", "start"),
        ("start=2026-11-23T00:00:00Z&end=2026-11-23T01:00:00Z&as=vp9", "as"),
    ],
)
async def test_bad_parameters_are_named_with_a_cure(client: TestClient, query: str, field: str) -> None:
    answer = await client.get(f"{FRONT}/hls/index.m3u8?{query}")
    body = await answer.json()
    assert (answer.status, answer.content_type, body["field"]) == (400, "application/problem+json", field)
    assert body["cure"]


async def test_a_playlist_leads_to_init_and_fragments(client: TestClient) -> None:
    answer = await client.get(f"{FRONT}/hls/index.m3u8?{SPAN}")
    assert answer.content_type == "application/vnd.apple.mpegurl"
    lines = (await answer.text()).splitlines()
    assert f'#EXT-X-MAP:URI="init-{SEGMENT}.mp4"' in lines
    assert f"{SEGMENT}-2.m4s" in lines
    assert await (await client.get(f"{FRONT}/hls/init-{SEGMENT}.mp4")).read() == b"init"
    fragment = await client.get(f"{FRONT}/hls/{SEGMENT}-2.m4s")
    assert (await fragment.read(), fragment.content_type) == (b"fragment-2", "video/iso.segment")
    assert fragment.headers["Cache-Control"] == "no-store"


async def test_a_transcode_is_asked_for_all_the_way(client: TestClient) -> None:
    text = await (await client.get(f"{FRONT}/hls/index.m3u8?{SPAN}&as=h264")).text()
    assert f'URI="init-{SEGMENT}.mp4?as=h264"' in text
    assert f"{SEGMENT}-1.m4s?as=h264" in text
    assert await (await client.get(f"{FRONT}/hls/init-{SEGMENT}.mp4?as=h264")).read() == b"init-h264"
    assert await (await client.get(f"{FRONT}/hls/{SEGMENT}-1.m4s?as=h264")).read() == b"fragment-1-h264"


async def test_a_span_without_footage_is_not_found(client: TestClient) -> None:
    answer = await client.get(f"{FRONT}/hls/index.m3u8?start=2026-01-01T00:00:00Z&end=2026-01-01T01:00:00Z")
    assert answer.status == 404


async def test_a_locked_vault_says_so(client: TestClient, fakes: Fakes) -> None:
    fakes.playback.locked = True
    for path in (f"hls/index.m3u8?{SPAN}", f"hls/init-{SEGMENT}.mp4", f"hls/{SEGMENT}-1.m4s", f"clip.mp4?{SPAN}"):
        answer = await client.get(f"{FRONT}/{path}")
        assert (answer.status, (await answer.json())["code"]) == (423, "vault_locked"), path


async def test_a_segment_that_is_no_id_is_not_found(client: TestClient) -> None:
    assert (await client.get(f"{FRONT}/hls/init-{'0' * 36}.mp4")).status == 404
    assert (await client.get(f"{FRONT}/hls/..-1.m4s")).status == 404


async def test_a_clip_is_one_file(client: TestClient, fakes: Fakes) -> None:
    answer = await client.get(f"{FRONT}/clip.mp4?{SPAN}")
    assert await answer.read() == b"initfragment-1fragment-2"
    assert answer.content_type == "video/mp4"
    assert 'filename="front-20261123T000000Z.mp4"' in answer.headers["Content-Disposition"]
    assert fakes.playback.asked == [("front", T0, T0 + 60 * SECOND_US, False)]


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-3", 206, b"init"),
        ("bytes=4-", 206, b"fragment-1fragment-2"),
        ("bytes=-2", 206, b"-2"),
        ("bytes=20-900", 206, b"nt-2"),
        ("bytes=x", 200, b"initfragment-1fragment-2"),
    ],
)
async def test_a_clip_has_ranges(client: TestClient, asked: str, status: int, body: bytes) -> None:
    answer = await client.get(f"{FRONT}/clip.mp4?{SPAN}", headers={"Range": asked})
    assert (answer.status, await answer.read()) == (status, body)


async def test_a_range_beyond_the_end_is_refused(client: TestClient) -> None:
    answer = await client.get(f"{FRONT}/clip.mp4?{SPAN}", headers={"Range": "bytes=500-"})
    assert answer.status == 416


async def test_a_long_clip_comes_piece_by_piece(client: TestClient, fakes: Fakes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guardian.api.media.IN_MEMORY", 8)
    answer = await client.get(f"{FRONT}/clip.mp4?{SPAN}", headers={"Range": "bytes=0-3"})
    assert (answer.status, answer.headers.get("Content-Length")) == (200, None)
    assert await answer.read() == b"initfragment-1fragment-2"


async def test_a_clip_that_breaks_off_does_not_end_well(
    client: TestClient, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guardian.api.media.IN_MEMORY", 8)
    fakes.playback.fails_after = 2
    from aiohttp import ClientError

    with pytest.raises(ClientError):
        await (await client.get(f"{FRONT}/clip.mp4?{SPAN}")).read()
