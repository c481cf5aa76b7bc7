"""Leases of neighbouring slots, and what may be attached."""

import os
import tempfile
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardian.platform.shared_frames import NotSharedFrames, SharedFrames


@pytest.fixture
def frames():
    made = SharedFrames.create(4, 100)
    yield made
    made.close()


def test_what_one_side_writes_the_other_reads(frames):
    other = SharedFrames.attach(os.dup(frames.fd), 4, 100)
    frames.view(2, 1)[:5] = b"hello"
    assert bytes(other.view(2, 1)[:5]) == b"hello"
    other.close()


def test_leases_are_neighbours_and_come_back(frames):
    assert frames.lease(2) == 0
    assert frames.lease(1) == 2
    assert frames.lease(2) is None
    frames.release(0, 2)
    assert frames.lease(2) == 0
    assert frames.lease(1) == 3
    assert frames.lease(1) is None


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 5)), max_size=40))
def test_no_slot_is_leased_twice(steps):
    frames = SharedFrames.create(8, 1)
    held = []
    for give_back, count in steps:
        if give_back and held:
            frames.release(*held.pop(0))
        elif (first := frames.lease(count)) is not None:
            held.append((first, count))
        slots = [slot for first, count in held for slot in range(first, first + count)]
        assert len(slots) == len(set(slots))
        assert all(0 <= slot < 8 for slot in slots)
    frames.close()


def test_views_outside_are_refused(frames):
    for first, count in ((-1, 1), (3, 2), (0, 5), (4, 1), (0, 0)):
        with pytest.raises(ValueError, match="slots"):
            frames.view(first, count)


def test_memory_cannot_shrink_below_its_reader(frames):
    with pytest.raises(PermissionError):
        os.ftruncate(frames.fd, 10)


def descriptors():
    return set(os.listdir("/proc/self/fd"))


def test_smaller_than_promised_is_refused_and_its_descriptor_closed(frames):
    before = descriptors()
    with pytest.raises(NotSharedFrames, match="smaller"):
        SharedFrames.attach(os.dup(frames.fd), 5, 100)
    assert descriptors() == before


def test_an_ordinary_file_is_refused_for_it_could_shrink():
    before = descriptors()
    with tempfile.TemporaryFile() as file:
        file.truncate(4096)
        with pytest.raises(NotSharedFrames):
            SharedFrames.attach(os.dup(file.fileno()), 4, 100)
    unsealed = os.memfd_create("x", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, 4096)
    with pytest.raises(NotSharedFrames, match="shrink"):
        SharedFrames.attach(unsealed, 4, 100)
    assert descriptors() == before


def test_absurd_sizes_are_refused(frames):
    for slots, size in ((0, 100), (4, 0), (-4, -100), (1 << 40, 1 << 20)):
        with pytest.raises(NotSharedFrames):
            SharedFrames.attach(os.dup(frames.fd), slots, size)


def test_close_while_a_view_is_out_and_twice(frames):
    view = frames.view(0, 1)
    frames.close()
    view[:1] = b"x"  # still there
    frames.close()


def test_threads_share_fairly(frames):
    won = []
    threads = [threading.Thread(target=lambda: won.append(frames.lease(1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slot for slot in won if slot is not None) == [0, 1, 2, 3]
