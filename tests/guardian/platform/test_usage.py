"""The processor's share, whoever looks and how often."""

import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from guardian.platform.clock import SystemClock
from guardian.platform.usage import MachineShare, ProcessShare, Share


def test_it_is_the_share_of_what_was_added_since_the_last_look():
    share = Share(0.0, 0.0)
    assert [share.look(1.0, 4.0), share.look(4.0, 8.0), share.look(4.0, 10.0)] == [25.0, 75.0, 0.0]


def test_who_looks_again_at_once_gets_the_last_answer_and_shortens_nothing():
    share = Share(0.0, 0.0)
    assert share.look(1.0, 2.0) == 50.0
    assert share.look(1.0, 2.9) == 50.0
    assert share.look(2.0, 4.0) == 50.0  # of the two seconds since 2.0, not since 2.9


def test_a_process_is_measured_from_its_begin_in_every_thread():
    clock = SystemClock()
    began_us = clock.now().utc_us
    mine = ProcessShare(psutil.Process(), clock, began_us - 10_000_000)
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(mine.look).result() > 1.0


def test_the_machine_is_measured_in_a_thread_that_never_looked_before():
    machine = MachineShare()
    machine._share = Share(0.0, 0.0)  # since it was switched on: surely something was done, and surely something waited
    with ThreadPoolExecutor(1) as pool:
        assert 0.0 < pool.submit(machine.look).result() < 100.0
