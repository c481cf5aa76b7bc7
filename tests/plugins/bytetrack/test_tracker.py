"""Following boxes over frames."""

import math
import subprocess
import sys

import pytest
from guardian_bytetrack import ByteTrackPlugin
from guardian_bytetrack.tracker import JOIN_OVERLAP, ByteTracker

from guardian.model.vision import Box, Detection

STEP = 200_000


def at(x, y=0.5, width=0.08, height=0.3):
    return Box(x, y - height / 2, x + width, y + height / 2)


def found(box, label="person", score=0.8):
    return Detection(label, score, box)


class Run:
    """Feeds a tracker five frames a second."""

    def __init__(self):
        self.tracker, self.now, self.last = ByteTracker(), 0, ()

    def show(self, *detections):
        self.now += STEP
        self.last = self.tracker.update(self.now, detections)
        return self.last

    def ids(self, *detections):
        return [track.id for track in self.show(*detections) if track.missed == 0]


def test_a_walk_is_one_track_with_the_detections_own_boxes():
    run = Run()
    for index in range(30):
        box = at(0.05 + 0.028 * index)
        (track,) = run.show(found(box))
        assert (track.id, track.age, track.missed) == (1, index + 1, 0)
        assert track.box == box


def test_two_that_cross_keep_their_ids():
    run = Run()
    for index in range(31):
        a, b = at(0.1 + 0.02 * index, 0.5), at(0.7 - 0.02 * index, 0.53)
        tracks = {track.id: track for track in run.show(found(a), found(b))}
        assert set(tracks) == {1, 2}
    assert tracks[1].box.x1 == pytest.approx(0.7)
    assert tracks[2].box.x1 == pytest.approx(0.1)


def test_an_unsure_detection_begins_nothing_but_keeps_a_track_alive():
    run = Run()
    assert run.ids(found(at(0.5), score=0.3)) == []
    assert run.ids(found(at(0.1))) == [1]
    for index in range(1, 30):
        assert run.ids(found(at(0.1 + 0.01 * index), score=0.3)) == [1]


def test_sure_detections_are_matched_before_unsure_ones():
    run = Run()
    run.show(found(at(0.3)))
    (track,) = run.show(found(at(0.31), score=0.3), found(at(0.33), score=0.9))
    assert track.score == 0.9


@pytest.mark.parametrize(("missing_s", "same"), [(0.4, True), (2.4, True), (4.0, False)])
def test_a_lost_track_is_found_again_for_a_while(missing_s, same):
    run = Run()
    for _ in range(5):
        run.show(found(at(0.4)))
    for _ in range(round(missing_s * 5)):
        run.show()
    assert (run.ids(found(at(0.42))) == [1]) is same


def test_a_lost_track_is_not_found_again_because_nobody_looked_meanwhile():
    run = Run()
    run.show(found(at(0.4)))
    run.show(found(at(0.4)))
    run.show()
    run.now += 4_000_000
    assert run.ids(found(at(0.4))) == [2]


def test_a_track_seen_but_once_is_given_up_sooner():
    run = Run()
    run.show(found(at(0.4)))
    for _ in range(6):
        run.show()
    assert run.last == ()


def test_prediction_follows_the_speed_and_counts_what_was_missed():
    run = Run()
    for index in range(10):
        run.show(found(at(0.1 + 0.02 * index)))
    (track,) = run.show()
    assert track.missed == 1
    assert track.box.x1 == pytest.approx(0.1 + 0.02 * 10, abs=0.012)


def test_time_is_counted_not_frames():
    run = Run()
    for index in range(10):
        run.show(found(at(0.1 + 0.02 * index)))
    run.now += 2 * STEP  # two frames were never looked at
    assert run.ids(found(at(0.1 + 0.02 * 12))) == [1]


def test_a_thing_that_is_named_anew_keeps_its_track_and_its_usual_name():
    run = Run()
    for _ in range(5):
        run.show(found(at(0.4), "dog", 0.7))
    (track,) = run.show(found(at(0.4), "cat", 0.7))
    assert (track.id, track.label) == (1, "dog")
    for _ in range(12):
        (track,) = run.show(found(at(0.4), "cat", 0.8))
    assert (track.id, track.label) == (1, "cat")


def test_a_dog_does_not_take_over_the_track_of_a_person_beside_it():
    run = Run()
    run.show(found(at(0.4)))
    tracks = run.show(found(at(0.4)), found(at(0.46, 0.6, 0.06, 0.1), "dog"))
    assert sorted(track.label for track in tracks) == ["dog", "person"]


def test_a_second_box_on_a_matched_track_begins_none():
    run = Run()
    run.show(found(at(0.4)))
    twin = Box(0.405, 0.35, 0.485, 0.65)
    assert at(0.4).iou(twin) > JOIN_OVERLAP
    assert len(run.show(found(at(0.4)), found(twin, score=0.6))) == 1


def test_boxes_stay_in_the_picture_and_numbers_finite():
    run = Run()
    for index in range(12):
        run.show(found(at(0.6 + 0.03 * index)))
    for _ in range(14):
        for track in run.show():
            assert 0 <= track.box.x1 <= track.box.x2 <= 1
            assert all(math.isfinite(value) for value in (track.box.x1, track.box.y1, track.box.x2, track.box.y2))


def test_time_that_goes_back_does_no_harm():
    run = Run()
    run.show(found(at(0.4)))
    run.now -= 3_600_000_000
    assert run.ids(found(at(0.4))) == [1]


def test_the_plugin_is_light_to_import_and_brings_the_tracker():
    (kind,) = ByteTrackPlugin.register_trackers(ByteTrackPlugin.__new__(ByteTrackPlugin))
    assert kind.name == "bytetrack"
    assert kind.make().update(0, []) == ()
    code = "import sys; sys.path[:0] = sys.argv[1:]; import guardian_bytetrack; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", code, *[path for path in sys.path if path]], check=True, timeout=60)


def test_of_two_that_overlap_with_a_track_the_one_in_its_direction_goes_on():
    def at(x):
        return Detection("person", 0.9, Box(x, 0.4, x + 0.1, 0.7))

    tracker = ByteTracker()
    for index in range(4):
        (walker,) = tracker.update(index * 200_000, [at(0.2 + 0.04 * index)])
    tracks = tracker.update(800_000, [at(0.29), at(0.41)])  # both as near to where it is expected, 0.35
    assert {round(track.box.x1, 2): track.id for track in tracks}[0.41] == walker.id
