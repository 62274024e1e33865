"""A file written piece by piece: continued after a kill, gone after an error, one writer at a time."""

import multiprocessing
import os
import signal
from contextlib import suppress

import pytest

from mmpt.errors import DataError
from mmpt.utils import resumable
from mmpt.utils.resumable import resumable_write


def write(path, key, stop=None, end=5):
    """Append the numbers 0 to 4; end the process by SIGKILL before number ``stop``."""
    with resumable_write(path, key) as file:
        begin = file.state.get("next", 0)
        for number in range(begin, end):
            if number == stop:
                os.kill(os.getpid(), signal.SIGKILL)
            file.append(f"{number}\n".encode(), {"next": number + 1})
    return begin


def killed(*arguments):
    process = multiprocessing.get_context("fork").Process(target=write, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture(autouse=True)
def every_piece_is_a_checkpoint(monkeypatch):
    monkeypatch.setattr(resumable, "CHECKPOINT_SECONDS", 0.0)


def test_a_killed_writer_is_continued_at_its_last_checkpoint(tmp_path):
    killed(tmp_path / "x", {"of": "a"}, 3)
    assert not (tmp_path / "x").exists()
    with open(tmp_path / ".x.partial", "ab") as stream:
        stream.write(b"torn")  # what came after the checkpoint
    assert write(tmp_path / "x", {"of": "a"}) == 3
    assert (tmp_path / "x").read_text() == "0\n1\n2\n3\n4\n"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_checkpoint_before_the_first_new_byte_does_not_count_what_was_cut_off(tmp_path):
    killed(tmp_path / "x", {}, 3)
    with open(tmp_path / ".x.partial", "ab") as stream:
        stream.write(b"torn")
    with suppress(KeyboardInterrupt), resumable_write(tmp_path / "x", {}) as file:
        file.append(b"", {"next": 3})
        file.append(b"lost after the checkpoint")
        raise KeyboardInterrupt
    assert write(tmp_path / "x", {}) == 3
    assert (tmp_path / "x").read_text() == "0\n1\n2\n3\n4\n"


def test_nothing_is_continued_from_something_else(tmp_path):
    killed(tmp_path / "x", {"of": "a"}, 3)
    assert write(tmp_path / "x", {"of": "b"}) == 0
    assert (tmp_path / "x").read_text() == "0\n1\n2\n3\n4\n"


def test_a_finished_file_is_written_anew_and_the_old_one_stands_until_then(tmp_path):
    write(tmp_path / "x", {})
    killed(tmp_path / "x", {}, 3)
    assert (tmp_path / "x").read_text() == "0\n1\n2\n3\n4\n"
    assert write(tmp_path / "x", {}, None, 4) == 3
    assert (tmp_path / "x").read_text() == "0\n1\n2\n3\n"


def fail(path, error):
    with resumable_write(path, {}) as file:
        file.append(b"1", {"next": 1})
        raise error


@pytest.mark.parametrize(
    ("error", "left"), [(DataError, []), (KeyboardInterrupt, [".x.partial", ".x.partial.json"])]
)
def test_after_an_error_of_the_data_nothing_is_left_and_after_ctrl_c_the_work_is(tmp_path, error, left):
    with pytest.raises(error):
        fail(tmp_path / "x", error)
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_temporaries_of_killed_runs_are_removed_and_those_of_others_are_not(tmp_path):
    ours = tmp_path / "..x.partial.json.123-0123abcd.tmp"
    other = tmp_path / ".xy.123-0123abcd.tmp"
    ours.touch()
    other.touch()
    write(tmp_path / "x", {})
    assert (ours.exists(), other.exists()) == (False, True)


def test_a_second_writer_is_refused(tmp_path):
    with resumable_write(tmp_path / "x", {}):
        process = multiprocessing.get_context("fork").Process(target=write, args=(tmp_path / "x", {}))
        process.start()
        process.join()
        assert process.exitcode == 1  # DataError: another process is writing it


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / ".x.partial").mkdir()
    with pytest.raises(DataError, match=r"/x cannot be written \(Is a directory\)"):
        write(tmp_path / "x", {})
