"""When a thing came: half-believed sights, and what moved while nobody could look."""

import pytest

from guardian.model.vision import Box, Detection
from guardian.watch.traces import MOST_BACK_US, Traces

STEP = 200_000  # five looks a second


def box(x):
    return Box(x, 0.4, x + 0.1, 0.8)


def half(x, label="person"):
    return [Detection(label, 0.3, box(x))]


@pytest.fixture
def traces():
    return Traces()


def test_a_thing_came_where_it_was_half_believed_first(traces):
    for n in range(4):
        traces.found(n * STEP, half(0.1 + 0.03 * n))
    assert traces.began_us(4 * STEP, "person", box(0.22)) == 0


def test_a_frame_left_out_counts_by_what_moved_in_it(traces):
    traces.found(0, [])
    traces.moved(STEP, [box(0.7), box(0.12)])
    traces.moved(2 * STEP, [box(0.16)])
    assert traces.began_us(3 * STEP, "person", box(0.2)) == STEP


def test_answers_may_come_after_frames_that_were_left_out_meanwhile(traces):
    traces.moved(2 * STEP, [box(0.16)])
    traces.found(STEP, half(0.13))
    assert traces.began_us(3 * STEP, "person", box(0.2)) == STEP


def test_another_kind_another_place_and_another_time_are_another_thing(traces):
    traces.found(0, half(0.2))
    traces.found(3 * STEP, [*half(0.2, "cat"), *half(0.6)])
    assert traces.began_us(4 * STEP, "person", box(0.2)) == 4 * STEP
    assert traces.began_us(STEP, "person", box(0.2)) == 0


def test_it_goes_back_so_far_and_no_further_and_not_into_another_run(traces):
    for n in range(40):
        traces.moved(n * STEP, [box(0.2)])
    assert traces.began_us(40 * STEP, "person", box(0.2)) == 40 * STEP - MOST_BACK_US
    traces.clear()
    assert traces.began_us(40 * STEP, "person", box(0.2)) == 40 * STEP
