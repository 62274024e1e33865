"""Working ahead and locking: order, bounds, errors."""

import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmpt.utils import lock
from mmpt.utils.ahead import ahead


@given(st.integers(0, 40), st.integers(1, 4), st.integers(1, 9))
def test_results_come_in_order_and_no_more_wait_than_allowed(count, threads, depth):
    made, taken, most = [], 0, 0

    def make(item):
        made.append(item)
        return item * item

    for number, result in enumerate(ahead(make, range(count), threads, depth)):
        assert result == number * number
        taken += 1
        most = max(most, len(made) - taken)
    assert (taken, sorted(made)) == (count, list(range(count)))
    assert most <= depth


def test_an_error_comes_at_its_turn_and_stops_the_rest():
    made, before = [], threading.active_count()

    def make(item):
        made.append(item)
        if item == 2:
            raise ValueError("two")
        return item

    results = ahead(make, range(1000), threads=2, depth=4)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert len(made) < 10
    # Threads of other tests of the same process may have ended meanwhile.
    assert threading.active_count() <= before


def test_a_lock_is_released_at_the_end_and_after_an_error(tmp_path):
    path = tmp_path / "new" / ".lock"
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lock.exclusive(path, "it"):
            assert 1 / (not path.exists())
        assert not path.exists()


def test_a_file_system_without_locks_is_written_with_a_warning(tmp_path, monkeypatch, caplog):
    def refuse(file, how):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "lockf", refuse)
    with lock.exclusive(tmp_path / ".lock", "it"):
        pass
    assert "this file system has no locks" in caplog.text


def test_only_one_of_many_processes_is_inside_at_a_time(tmp_path):
    """Each process enters 30 times and makes a file that may not be there yet."""
    code = """
import os, sys
from mmpt.errors import DataError
from mmpt.utils.lock import exclusive
entered = 0
while entered < 30:
    try:
        with exclusive(sys.argv[1] + "/.lock", "it"):
            os.close(os.open(sys.argv[1] + "/inside", os.O_CREAT | os.O_EXCL))
            os.unlink(sys.argv[1] + "/inside")
            entered += 1
    except DataError:
        pass
"""
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(600) for process in processes] == [0, 0, 0]
    assert list(tmp_path.iterdir()) == []
    with lock.exclusive(tmp_path / ".lock", "it"):
        pass
