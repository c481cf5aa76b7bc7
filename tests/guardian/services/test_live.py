import asyncio
from collections.abc import AsyncIterator

import pytest

from guardian.model.errors import BadRequest, ServiceUnavailable
from guardian.model.messages import LiveFragment, LiveInit
from guardian.platform.clock import SystemClock
from guardian.platform.tasks import Tasks
from guardian.services import live
from guardian.services.live import Choice, LiveHub, choose

H264 = frozenset({"h264"})
BOTH = frozenset({"h264", "h265"})
MAIN = (("main", "h264"),)


class ShortClock(SystemClock):
    """Some seconds are a hundredth of one."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


class House:
    """A hub with one camera behind it that does what it is told."""

    def __init__(self) -> None:
        self.wanted: list[tuple[str, str, bool]] = []
        self.tasks = Tasks()
        self.answers = True
        self.hub = LiveHub(self._want, ShortClock(), self.tasks)

    def _want(self, camera: str, feed: str, on: bool) -> None:
        self.wanted.append((camera, feed, on))
        if on and self.answers:
            self.init(feed)

    def init(self, feed: str = "main", payload: bytes = b"init") -> None:
        self.hub.on_init("front", LiveInit(feed, "avc1.640028", 640, 360), payload)

    def send(self, *pieces: bytes, feed: str = "main") -> None:
        """A piece that begins with `k` is a keyframe."""
        for piece in pieces:
            self.hub.on_fragment("front", LiveFragment(feed, piece.startswith(b"k"), 0), piece)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    house.hub.set_streams("front", MAIN)
    yield house
    await house.tasks.close()


async def take(feed: object, count: int) -> list[bytes]:
    pieces = aiter(feed)  # type: ignore[call-overload]
    async with asyncio.timeout(2):
        return [(await anext(pieces))[1] for _ in range(count)]


@pytest.mark.parametrize(
    ("streams", "can", "prefer", "feed"),
    [
        ((("main", "h264"),), H264, "main", "main"),
        ((("main", "h265"),), BOTH, "main", "main"),
        ((("main", "h265"), ("sub", "h264")), H264, "main", "sub"),
        ((("main", "h265"), ("sub", "h265")), H264, "main", "main/h264"),
        ((("main", "h265"),), H264, "main", "main/h264"),
        ((("main", "h264"), ("sub", "h264")), H264, "sub", "sub"),
        ((("main", "h264"),), H264, "sub", "main"),
        ((("main", "h264"), ("sub", "h265")), H264, "sub", "main"),
        ((("main", "h265"), ("sub", "h265")), H264, "sub", "sub/h264"),
    ],
)
def test_a_viewer_gets_what_their_player_plays(streams, can: frozenset[str], prefer: str, feed: str) -> None:
    choice = choose(streams, can, prefer)
    assert choice.feed == feed
    wanted = prefer if prefer in dict(streams) else "main"
    assert bool(choice.note) == (feed != wanted)


def test_the_note_is_for_people() -> None:
    choice = choose((("main", "h265"),), H264, "main")
    assert choice == Choice("main/h264", "This player cannot play H.265, so the picture is turned into H.264 for it.")


def test_a_player_that_plays_nothing_is_told_what_it_needs() -> None:
    with pytest.raises(BadRequest) as caught:
        choose((("main", "h265"),), frozenset({"vp9"}), "main")
    assert caught.value.field == "can"
    assert "H.265" in caught.value.cure


async def test_a_camera_sends_only_while_somebody_looks(house: House) -> None:
    async with house.hub.subscribe("front", H264) as one:
        assert (one.codecs, one.width, one.height, one.init, one.note) == ("avc1.640028", 640, 360, b"init", "")
        async with house.hub.subscribe("front", H264):
            assert house.hub.viewers("front") == 2
    assert house.wanted == [("front", "main", True)]
    async with asyncio.timeout(2):
        while len(house.wanted) < 2:
            await asyncio.sleep(0.01)
    assert house.wanted[1] == ("front", "main", False)


async def test_who_comes_back_soon_finds_the_feed_running(house: House) -> None:
    async with house.hub.subscribe("front", H264):
        pass
    async with house.hub.subscribe("front", H264):
        await asyncio.sleep(live.GRACE_S / 100 * 2)
        house.send(b"k1")
    assert house.wanted == [("front", "main", True)]


async def test_a_viewer_begins_with_the_latest_keyframe(house: House) -> None:
    async with house.hub.subscribe("front", H264):
        house.send(b"k1", b"p1", b"k2", b"p2")
        async with house.hub.subscribe("front", H264) as late:
            house.send(b"p3")
            assert await take(late, 3) == [b"k2", b"p2", b"p3"]


async def test_nothing_is_shown_before_a_keyframe(house: House) -> None:
    async with house.hub.subscribe("front", H264) as feed:
        house.send(b"p1", b"p2", b"k3", b"p4")
        assert await take(feed, 2) == [b"k3", b"p4"]


async def test_a_slow_viewer_skips_to_a_keyframe_and_harms_nobody(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_QUEUE_FRAGMENTS", 4)
    async with house.hub.subscribe("front", H264) as slow, house.hub.subscribe("front", H264) as quick:
        seen = []
        for piece in (b"k1", b"p1", b"p2", b"p3", b"p4", b"p5", b"k2", b"p6"):
            house.send(piece)
            seen += await take(quick, 1)
        assert seen == [b"k1", b"p1", b"p2", b"p3", b"p4", b"p5", b"k2", b"p6"]
        assert await take(slow, 2) == [b"k2", b"p6"]
        assert slow.skipped == 6
        assert quick.skipped == 0


async def test_a_viewer_a_little_late_loses_only_to_the_next_keyframe(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_QUEUE_FRAGMENTS", 3)
    async with house.hub.subscribe("front", H264) as feed:
        house.send(b"k1", b"p1", b"p2", b"p3")  # p3 is lost
        assert await take(feed, 3) == [b"k1", b"p1", b"p2"]
        house.send(b"p4", b"k2", b"p5")  # p4 needs p3
        assert await take(feed, 2) == [b"k2", b"p5"]


async def test_a_queue_is_bounded_in_bytes_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_QUEUE_BYTES", 100)
    async with house.hub.subscribe("front", H264) as feed:
        house.send(b"k" * 90, b"p" * 90, b"p" * 90, b"k2", b"p2")
        assert await take(feed, 2) == [b"k2", b"p2"]


async def test_a_gop_too_long_to_keep_is_not_begun_in_its_middle(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_GOP_FRAGMENTS", 2)
    async with house.hub.subscribe("front", H264):
        house.send(b"k1", b"p1", b"p2", b"p3")
        async with house.hub.subscribe("front", H264) as late:
            house.send(b"p4", b"k2", b"p5")
            assert await take(late, 2) == [b"k2", b"p5"]


async def test_a_new_run_ends_viewers_so_that_they_begin_anew(house: House) -> None:
    async with house.hub.subscribe("front", H264) as feed:
        house.send(b"k1")
        house.init(payload=b"init2")
        house.send(b"k9")
        assert [data async for _, data in feed] == [b"k1"]
        async with house.hub.subscribe("front", H264) as again:
            assert again.init == b"init2"
            assert await take(again, 1) == [b"k9"]
    assert house.wanted == [("front", "main", True)]


async def test_a_lost_process_ends_viewers_and_is_asked_again(house: House) -> None:
    async with house.hub.subscribe("front", H264) as feed:
        house.hub.camera_gone("front")
        assert [piece async for piece in feed] == []
    with pytest.raises(ServiceUnavailable):
        async with house.hub.subscribe("front", H264):
            pass
    house.hub.set_streams("front", MAIN)
    async with house.hub.subscribe("front", H264):
        pass
    assert house.wanted == [("front", "main", True), ("front", "main", True)]


async def test_a_camera_that_went_away_and_came_back_needs_no_new_wish(house: House) -> None:
    async with house.hub.subscribe("front", H264) as feed:
        house.hub.set_streams("front", ())
        assert [piece async for piece in feed] == []
        house.hub.set_streams("front", MAIN)
        house.init()
        async with house.hub.subscribe("front", H264) as again:
            house.send(b"k1")
            assert await take(again, 1) == [b"k1"]
    assert house.wanted == [("front", "main", True)]


async def test_a_picture_that_never_comes_is_an_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "INIT_WITHIN_S", 0.05)
    house.answers = False
    with pytest.raises(ServiceUnavailable) as caught:
        async with house.hub.subscribe("front", H264):
            pass
    assert caught.value.cure


async def test_who_waits_for_a_process_that_dies_is_told_at_once(house: House) -> None:
    house.answers = False

    async def look() -> None:
        async with house.hub.subscribe("front", H264):
            pass

    waiting = house.tasks.spawn(look(), "look")
    await asyncio.sleep(0.01)
    house.hub.camera_gone("front")
    async with asyncio.timeout(1):
        await asyncio.wait([waiting])
    assert isinstance(waiting.exception(), ServiceUnavailable)


async def test_a_transcode_is_another_feed_with_a_note(house: House) -> None:
    house.hub.set_streams("front", (("main", "h265"),))
    async with house.hub.subscribe("front", H264) as feed:
        assert feed.feed == "main/h264"
        assert "H.264" in feed.note
        house.send(b"k-main")
        house.send(b"k-h264", feed="main/h264")
        assert await take(feed, 1) == [b"k-h264"]
    assert house.wanted == [("front", "main/h264", True)]


async def test_what_nobody_asked_for_is_dropped(house: House) -> None:
    house.send(b"k1")
    house.init("sub")
    house.hub.on_init("attic", LiveInit("main", "avc1", 1, 1), b"x")
    assert house.hub.viewers("front") == 0
    assert house.wanted == []
