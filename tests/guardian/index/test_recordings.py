"""Segments by time."""

from dataclasses import replace

import pytest

from guardian.index.engine import IndexFile
from guardian.index.recordings import Recordings
from guardian.model.segment import SegmentRecord
from guardian.model.time import Span
from tests.support.recorded import MINUTE, T0, record

GAP = 1_500_000
OF = (("front", "main"), ("front", "sub"), ("back", "main"))


@pytest.fixture
def recordings(index: IndexFile) -> Recordings:
    return Recordings(index)


async def test_a_segment_comes_back_as_it_was_and_adding_again_replaces_it(recordings: Recordings) -> None:
    one = record(T0)
    await recordings.add([one])
    assert await recordings.get(one.header.segment_id) == one
    changed = replace(one, complete=False, size_bytes=5)
    await recordings.add([changed])
    assert await recordings.get(one.header.segment_id) == changed
    assert await recordings.get("unknown") is None


async def test_spans_join_what_is_close_and_break_at_gaps_and_codecs(recordings: Recordings) -> None:
    a, b = record(T0), record(T0 + MINUTE + GAP - 1)
    c = record(b.end_utc_us + GAP)  # exactly the gap: apart
    d = record(c.end_utc_us)
    d = replace(d, header=replace(d.header, codecs="hvc1.1.6.L93.B0"))
    await recordings.add([d, b, c, a])
    spans = await recordings.spans("front", "main", T0, T0 + 60 * MINUTE, GAP)
    assert [(s.start_us, s.end_us, s.size_bytes, s.codecs[:4]) for s in spans] == [
        (T0, b.end_utc_us, 2000, "avc1"),
        (c.header.start_utc_us, c.end_utc_us, 1000, "avc1"),
        (d.header.start_utc_us, d.end_utc_us, 1000, "hvc1"),
    ]


async def test_a_segment_within_another_does_not_break_a_span(recordings: Recordings) -> None:
    """After the clock was set back, footage of two runs overlaps."""
    await recordings.add([record(T0, seconds=300), record(T0 + MINUTE, seconds=10), record(T0 + 5 * MINUTE)])
    (span,) = await recordings.spans("front", "main", T0, T0 + 60 * MINUTE, GAP)
    assert (span.start_us, span.end_us) == (T0, T0 + 6 * MINUTE)


async def test_spans_know_camera_stream_and_what_is_left_out(recordings: Recordings) -> None:
    await recordings.add([record(T0), record(T0, "back"), record(T0, stream="sub")])
    assert len(await recordings.spans("front", "main", T0, T0 + MINUTE, GAP)) == 1
    assert await recordings.spans("front", "main", T0, T0 + MINUTE, GAP, [record(T0).header.segment_id]) == ()
    assert await recordings.spans("front", "main", T0 + MINUTE, T0 + 2 * MINUTE, GAP) == ()


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [(0, 1, [0]), (60, 61, [1]), (59, 61, [0, 1]), (30, 200, [0, 1, 2]), (180, 200, []), (-10, 0, [])],
)
async def test_overlap_is_half_open(recordings: Recordings, start: int, end: int, found: list[int]) -> None:
    all_of = [record(T0 + n * MINUTE) for n in range(3)]
    await recordings.add(all_of)
    got = await recordings.overlapping("front", "main", T0 + start * 1_000_000, T0 + end * 1_000_000)
    assert list(got) == [all_of[n] for n in found]


async def test_a_very_long_segment_is_found_from_its_middle(recordings: Recordings) -> None:
    long = record(T0, seconds=5 * 3600)
    await recordings.add([long])
    assert await recordings.overlapping("front", "main", T0 + 240 * MINUTE, T0 + 241 * MINUTE) == (long,)


async def test_bounds_usage_oldest_and_forget(recordings: Recordings) -> None:
    assert await recordings.bounds("front", "main") is None
    all_of = [record(T0 + n * MINUTE, size=n + 1) for n in range(5)]
    await recordings.add(all_of)
    await recordings.add([record(T0, "back")])
    assert await recordings.bounds("front", "main") == Span(T0, T0 + 5 * MINUTE)
    assert {(u.camera, u.segments, u.size_bytes) for u in await recordings.usage()} == {("front", 5, 15), ("back", 1, 1000)}
    assert await recordings.oldest("front", "main", 2) == tuple(all_of[:2])
    await recordings.forget([one.header.segment_id for one in all_of[:2]])
    assert await recordings.bounds("front", "main") == Span(T0 + 2 * MINUTE, T0 + 5 * MINUTE)


async def test_thousands_go_in_and_out_at_once(recordings: Recordings) -> None:
    many: list[SegmentRecord] = [record(T0 + n * MINUTE) for n in range(2500)]
    ids = [one.header.segment_id for one in many]
    await recordings.add(many)
    assert len(await recordings.known([*ids, "other"])) == 2500
    assert [len(page) async for page in recordings.pages(1000)] == [1000, 1000, 500]
    assert await recordings.folders() == {"front/main/2026-11-23", "front/main/2026-11-24"}
    day = Span(T0, T0 + 1440 * MINUTE)
    assert len(await recordings.in_folder("front", "main", "front/main/2026-11-23", day)) == 1440
    await recordings.forget(ids)
    assert await recordings.usage() == ()


async def test_the_timeline_reads_its_index_alone(index: IndexFile, recordings: Recordings) -> None:
    import sqlalchemy as sa

    async with index.read() as connection:
        for query in (
            "SELECT start_us, codecs, max(end_us) OVER (ORDER BY start_us), size_bytes, segment_id FROM segments"
            " WHERE camera = 'a' AND stream = 'main' AND start_us >= 1 AND start_us < 9 AND end_us > 1",
            "SELECT camera, stream, count(*), sum(size_bytes), min(start_us), max(end_us) FROM segments GROUP BY 1, 2",
        ):
            plan = [row[3] for row in await connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}"))]
            assert any("COVERING INDEX segments_by_time" in step for step in plan), plan
            assert not any("TEMP B-TREE" in step for step in plan), plan


async def test_what_holds_keep_is_found_by_time_and_counted_once(index: IndexFile, recordings: Recordings) -> None:
    import sqlalchemy as sa

    from guardian.index import recordings as module
    from guardian.index.holds import HoldRepository
    from guardian.model.views import Hold

    assert await recordings.held_bytes() == {}
    await recordings.add([record(T0 + n * MINUTE, camera, stream=s) for n in range(5) for camera, s in OF])
    spans = [(1, 3), (2, 4)]  # minutes; they overlap
    await HoldRepository(index).put([Hold(f"h{a}", "front", T0 + a * MINUTE, T0 + b * MINUTE, "", 0) for a, b in spans])
    assert await recordings.held_bytes() == {"front": 3 * 2 * 1000}
    async with index.read() as connection:
        asked: list[tuple[str, tuple[object, ...]]] = []
        sa.event.listen(index.engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2:4]))
        await connection.execute(module._HELD, {"spans": "[]"})
        query, values = asked[-1]
        plan = [row[3] for row in await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values)]
    assert any("segments_by_time (camera=? AND stream=? AND start_us>" in step for step in plan), plan
    assert not any(step.startswith("SCAN segments") for step in plan), plan
