"""Following things: crossings, gaps, weak sightings, labels that change."""

import itertools

import numpy as np
import pytest
from guardian_bytetrack import ByteTrackPlugin
from guardian_bytetrack.assignment import match
from guardian_bytetrack.kalman import BoxFilter
from guardian_bytetrack.tracker import ByteTracker

from guardian.sdk import Box, Detection

STEP = 200_000


def at(x, y=0.5, w=0.1, h=0.4, label="person", score=0.8):
    return Detection(label, score, Box(x - w / 2, y - h / 2, x + w / 2, y + h / 2))


def run(frames, step=STEP):
    """Feed frames; return the tracks after each."""
    tracker = ByteTracker()
    return [tracker.update(index * step, found) for index, found in enumerate(frames)]


def test_a_walker_at_five_frames_a_second_keeps_one_id():
    out = run([[at(0.1 + 0.05 * i)] for i in range(15)])
    assert {track.id for tracks in out for track in tracks} == {1}
    assert out[-1][0].age == 15


def test_two_who_cross_keep_their_ids():
    out = run([[at(0.1 + 0.04 * i, 0.45), at(0.9 - 0.04 * i, 0.55)] for i in range(20)])
    first = {track.id: track.box.centre[0] for track in out[0]}
    last = {track.id: track.box.centre[0] for track in out[-1]}
    assert len(last) == 2
    left = min(first, key=first.get)
    assert last[left] > 0.8


def test_unsure_detections_keep_a_track_and_never_begin_one():
    assert run([[at(0.5, score=0.3)]] * 5)[-1] == ()
    out = run([[at(0.5)]] + [[at(0.5, score=0.3)]] * 20)
    assert [(track.id, track.missed) for track in out[-1]] == [(1, 0)]


def test_a_thing_hidden_for_two_seconds_keeps_its_id():
    out = run([[at(0.3 + 0.01 * i)] for i in range(10)] + [[]] * 10 + [[at(0.42)]])
    assert [track.id for track in out[-1]] == [1]
    assert out[15][0].missed == 6


def test_a_thing_gone_for_long_is_given_up():
    out = run([[at(0.5)]] * 5 + [[]] * 17)
    assert out[-1] == ()
    again = run([[at(0.5)]] * 5 + [[]] * 17 + [[at(0.5)]])
    assert [track.id for track in again[-1]] == [2]


def test_a_label_that_flickers_is_outvoted():
    labels = ["cat", "cat", "dog", "cat", "dog", "cat"]
    out = run([[at(0.5, label=label)] for label in labels])
    assert {(track.id, track.label) for tracks in out for track in tracks} == {(1, "cat")}


def test_different_things_in_one_place_are_two():
    out = run([[at(0.5), at(0.5, 0.6, 0.2, 0.3, "bicycle")] for _ in range(5)])
    assert sorted((track.id, track.label) for track in out[-1]) == [(1, "person"), (2, "bicycle")]


def test_uneven_gaps_do_not_matter():
    tracker, ids = ByteTracker(), set()
    for t in (0.0, 0.2, 0.4, 1.0, 1.2, 1.9, 2.1):
        ids |= {track.id for track in tracker.update(round(t * 1e6), [at(0.1 + 0.2 * t)])}
    assert ids == {1}


def test_boxes_stay_inside_the_picture_while_predicted():
    out = run([[at(0.7 + 0.04 * i)] for i in range(6)] + [[]] * 8)
    for track in out[-1]:
        assert 0 <= track.box.x1 <= track.box.x2 <= 1


def test_filter_learns_a_speed():
    one = BoxFilter(np.array([0.1, 0.5, 0.1, 0.4]))
    for i in range(1, 10):
        one.predict(0.2)
        one.correct(np.array([0.1 + 0.02 * i, 0.5, 0.1, 0.4]))
    assert one.speed[0] == pytest.approx(0.1, abs=0.02)
    one.predict(0.2)
    assert one.place[0] == pytest.approx(0.30, abs=0.01)


def best_by_trying(gain, least):
    worth = np.where(gain >= least, gain, 0.0)
    worth = worth if worth.shape[0] <= worth.shape[1] else worth.T
    rows = range(worth.shape[0])
    return max(
        sum(worth[r, c] for r, c in zip(rows, columns, strict=True))
        for columns in itertools.permutations(range(worth.shape[1]), len(rows))
    )


def test_assignment_is_the_best_there_is():
    rng = np.random.default_rng(1)
    for _ in range(200):
        rows, columns = (int(n) for n in rng.integers(1, 6, 2))
        gain = np.where(rng.random((rows, columns)) < 0.3, 0.0, rng.random((rows, columns)))
        pairs = match(gain, 0.2)
        assert len({r for r, _ in pairs}) == len(pairs) == len({c for _, c in pairs})
        assert all(gain[pair] >= 0.2 for pair in pairs)
        assert sum(gain[pair] for pair in pairs) == pytest.approx(best_by_trying(gain, 0.2))
    assert match(np.zeros((0, 3)), 0.2) == []


def test_the_plugin_declares_it():
    (kind,) = ByteTrackPlugin.register_trackers(None)
    assert kind.name == "bytetrack"
    assert kind.make().update(0, [at(0.5)])[0].label == "person"
