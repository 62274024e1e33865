"""The metrics file of a training run."""

import pytest

from mmpt.errors import DataError
from mmpt.utils.trainlog import TrainingLog, read_training_log


def test_one_line_holds_the_mean_over_an_interval(tmp_path):
    log = TrainingLog(tmp_path / "run/metrics.jsonl", interval=2)
    for update, loss in enumerate([4.0, 3.0, 2.0, 1.0], start=1):
        log.train(update, loss)
    log.valid(4, 2.5)
    curves = read_training_log(log.path)
    assert curves.train == [(2, 3.5), (4, 1.5)]  # (4 + 3) / 2, (2 + 1) / 2
    assert curves.valid == [(4, 2.5)]


def test_a_resumed_run_replaces_the_updates_that_it_repeats(tmp_path):
    path = tmp_path / "metrics.jsonl"
    first = TrainingLog(path, interval=1)
    first.train(1, 9.0)
    first.train(2, 8.0)
    TrainingLog(path, interval=1).train(2, 3.0)
    assert read_training_log(path).train == [(1, 9.0), (2, 3.0)]


def test_a_line_that_was_cut_off_is_ignored(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=1)
    log.train(1, 9.0)
    with open(log.path, "a") as stream:
        stream.write('{"split": "train", "upd')
    assert read_training_log(log.path).train == [(1, 9.0)]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.jsonl does not exist; train first"):
        read_training_log(tmp_path / "gone.jsonl")


def test_a_file_without_training_loss_says_which_option_to_set(tmp_path):
    log = TrainingLog(tmp_path / "metrics.jsonl", interval=100)
    log.valid(5, 2.0)
    with pytest.raises(DataError, match=r"holds no training loss; set fairseq\.common\.log_interval"):
        read_training_log(log.path)
