"""Work in several processes: order, bounded reading, killed workers and killed parents."""

import multiprocessing
import os
import signal
import time

import pytest
from waiting import wait_until

from mmpt.errors import DataError, MMPTError
from mmpt.utils.parallel import WAITING, Workers, core_count


def slow_square(number):
    time.sleep(0.02 if number % 2 else 0)
    return number * number


def refuse_three(number):
    if number == 3:
        raise DataError("Three is refused.")
    return number


def kill_itself(number):
    os.kill(os.getpid(), signal.SIGKILL)


def own_process(folder):
    """Return the number of this process when as many have come to the folder as its name says."""
    (folder / str(os.getpid())).touch()
    wait_until(lambda: len(list(folder.iterdir())) == int(folder.name))
    return os.getpid()


@pytest.fixture
def meeting(tmp_path):
    """Function: a folder in which some processes meet."""

    def make(count):
        (tmp_path / str(count)).mkdir()
        return tmp_path / str(count)

    return make


@pytest.mark.parametrize("count", [1, 3])
def test_results_come_in_the_order_of_the_items_and_items_are_not_taken_ahead_of_need(count):
    taken = []

    def items():
        for number in range(40):
            taken.append(number)
            yield number

    with Workers(count) as workers:
        results = workers.map(slow_square, items())
        assert next(results) == 0
        assert len(taken) <= WAITING * count
        assert list(results) == [number * number for number in range(1, 40)]
        assert list(workers.map(slow_square, [])) == []


def test_several_processes_are_at_work_and_one_worker_is_this_process(meeting):
    with Workers(2) as workers:
        pids = set(workers.map(own_process, [meeting(2)] * 8))
    assert len(pids) == 2
    assert os.getpid() not in pids
    with Workers(1) as workers:
        assert set(workers.map(own_process, [meeting(1)] * 2)) == {os.getpid()}
    assert core_count() >= 1


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_comes_at_its_turn(count):
    with Workers(count) as workers:
        results = workers.map(refuse_three, range(9))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(DataError, match="Three is refused"):
            next(results)


def test_a_killed_worker_is_told():
    with Workers(2) as workers, pytest.raises(MMPTError, match="A worker process was killed"):
        list(workers.map(kill_itself, range(3)))


def _work_forever(pipe, folder):
    with Workers(2) as workers:
        pipe.send(list(workers.map(own_process, [folder] * 2)))
        list(workers.map(time.sleep, [1000] * 2))


def _is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="needs /proc")
def test_no_worker_outlives_a_parent_that_was_killed(meeting):
    mine, its = multiprocessing.Pipe()
    parent = multiprocessing.Process(target=_work_forever, args=(its, meeting(2)))
    parent.start()
    pids = mine.recv()
    assert all(map(_is_running, pids))
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    wait_until(lambda: not any(map(_is_running, pids)))
