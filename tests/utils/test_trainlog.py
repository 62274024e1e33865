"""The metrics file of a training run: what is written, and what is read of a run that had an accident."""

import json
import math
import subprocess
import sys
import time

import pytest

from mmpt.errors import DataError
from mmpt.utils.trainlog import TrainingLog, is_running, read_training_log


@pytest.fixture
def clock(monkeypatch):
    """A list of one: the time."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_line_holds_the_mean_over_an_interval(tmp_path):
    log = TrainingLog(tmp_path / "run/metrics.jsonl", interval=2)
    for update, loss in enumerate([4.0, 3.0, 2.0, 1.0], start=1):
        log.train(update, loss)
    log.valid(4, {"loss": 2.5, "acc": 0.5})
    record = read_training_log(log.path)
    assert record.train == [(2, 3.5), (4, 1.5)]  # (4 + 3) / 2, (2 + 1) / 2
    assert record.valid == [(4, 2.5)]
    assert record.curve("valid", "acc") == [(4, 0.5)]
    assert record.names("valid") == ["loss", "acc"]


def test_the_last_update_does_not_wait_for_the_interval_to_fill(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=2)
    for update, loss in enumerate([4.0, 2.0, 1.0], start=1):
        log.train(update, loss, last=update == 3)
    assert read_training_log(log.path).train == [(2, 3.0), (3, 1.0)]


def test_speed_is_that_of_training_without_validation(tmp_path, clock):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=2)
    log.run_clock()
    clock[0] = 1.0
    log.train(1, 4.0, samples=8)
    log.stop_clock()
    clock[0] = 100.0  # validation
    log.run_clock()
    clock[0] = 104.0
    log.train(2, 4.0, samples=12)
    [row] = lines(log.path)
    # 2 updates and 20 samples in 1 + 4 seconds
    assert (row["updates_per_second"], row["samples_per_second"], row["seconds"]) == (0.4, 4.0, 104.0)


def test_further_values_are_read_only_when_the_interval_is_full(tmp_path):
    log, reads = TrainingLog(tmp_path / "metrics.jsonl", interval=3), []
    for update in range(1, 7):
        log.train(update, 1.0, more=lambda: reads.append(1) or {"lr": 0.5})
    assert len(reads) == 2
    assert read_training_log(log.path).curve("train", "lr") == [(3, 0.5), (6, 0.5)]


def test_what_is_not_finite_is_null_in_the_file_and_nan_when_read(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=1)
    log.train(1, math.inf)
    assert lines(log.path)[0]["loss"] is None
    [(_, loss)] = read_training_log(log.path).train
    assert math.isnan(loss)


def test_a_resumed_run_replaces_the_updates_that_it_repeats(tmp_path):
    path = tmp_path / "metrics.jsonl"
    first = TrainingLog(path, interval=1)
    first.start({"cores": 2})
    for update, loss in ((1, 9.0), (2, 8.0), (3, 7.0)):
        first.train(update, loss)
    first.valid(3, {"loss": 7.5})
    second = TrainingLog(path, interval=2)
    second.start({"cores": 4})
    second.train(2, 3.0)
    record = read_training_log(path)
    assert record.train == [(1, 9.0), (2, 3.0)]  # 3 was not reached again
    assert record.valid == []
    assert [session.hardware for session in record.sessions] == [{"cores": 2}, {"cores": 4}]


def test_a_file_of_before_that_says_nothing_of_starts_is_read(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [(1, 9.0), (2, 8.0), (2, 3.0)]
    path.write_text("".join(f'{{"split": "train", "update": {u}, "loss": {x}}}\n' for u, x in rows))
    record = read_training_log(path)
    assert record.train == [(1, 9.0), (2, 3.0)]
    assert [session.time for session in record.sessions] == [None]


def test_a_line_that_was_cut_off_is_counted_and_harms_no_other(tmp_path):
    path = tmp_path / "metrics.jsonl"
    TrainingLog(path, interval=1).train(1, 9.0)
    with open(path, "a") as stream:
        stream.write('{"split": "train", "upd')
    TrainingLog(path, interval=1).train(2, 8.0)  # a new process
    with open(path, "a") as stream:
        stream.write('[1]\n{"split": "other"}\n{"split": "train", "update": 3, "loss": "x"}\n')
    record = read_training_log(path)
    assert record.train == [(1, 9.0), (2, 8.0)]
    assert record.unreadable == 4


def test_a_run_is_finished_when_it_says_so_and_not_when_it_goes_on(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=1)
    log.start({})
    log.train(1, 9.0)
    assert not read_training_log(log.path).finished
    log.end()
    assert read_training_log(log.path).finished
    log.start({})
    assert not read_training_log(log.path).finished


WRITER = """
import sys, time
from mmpt.utils.trainlog import TrainingLog
TrainingLog(sys.argv[1], 1).train(1, 2.0)
kept = TrainingLog(sys.argv[1], 1)
kept.train(2, 2.0)
print("ready", flush=True)
time.sleep(1000)
"""


def test_a_run_is_running_while_its_process_lives(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert not is_running(path)
    process = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"ready\n"
        assert is_running(path)
    finally:
        process.kill()
        process.communicate()
    assert not is_running(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.jsonl does not exist"):
        read_training_log(tmp_path / "gone.jsonl")


def test_a_file_without_training_loss_has_empty_curves(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=100)
    log.start({})
    record = read_training_log(log.path)
    assert (record.train, record.valid, record.unreadable) == ([], [], 0)
