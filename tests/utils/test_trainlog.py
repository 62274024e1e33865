"""Loss curves from the log that fairseq writes."""

import json

import pytest

from mmpt.errors import DataError
from mmpt.utils.trainlog import read_training_log


def train(update, loss):
    return json.dumps({"epoch": 1, "update": 0.1, "loss": str(loss), "num_updates": str(update)})


def valid(update, loss):
    return json.dumps({"epoch": 1, "valid_loss": str(loss), "valid_num_updates": str(update)})


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.jsonl"

    def write(*lines):
        path.write_text("\n".join(lines))
        return path

    return write


def test_other_text_and_repeated_lines_are_ignored(log):
    path = log("FairseqMMModel(", train(5, 4.5), train(5, 4.5), valid(5, 4.0), "done in 3 s", train(10, 3.5))
    curves = read_training_log(path)
    assert curves.train == [(5, 4.5), (10, 3.5)]
    assert curves.valid == [(5, 4.0)]


def test_a_resumed_run_replaces_the_updates_that_it_repeats(log):
    path = log(train(5, 4.5), train(10, 9.9), train(15, 9.8), train(10, 3.5))
    assert read_training_log(path).train == [(5, 4.5), (10, 3.5), (15, 9.8)]


def test_the_mean_over_an_epoch_is_no_point_of_the_curve(log):
    path = log(train(5, 4.5), json.dumps({"epoch": 1, "train_loss": "4.0", "train_num_updates": "5"}))
    assert read_training_log(path).train == [(5, 4.5)]


def test_a_line_that_is_being_written_is_ignored(log):
    assert read_training_log(log(train(5, 4.5), train(10, 3.5)[:20])).train == [(5, 4.5)]


def test_a_missing_log_says_which_option_writes_it(tmp_path):
    with pytest.raises(DataError, match=r"gone\.jsonl does not exist; train with common\.log_file set"):
        read_training_log(tmp_path / "gone.jsonl")


def test_a_log_in_another_format_says_which_option_to_set(log):
    with pytest.raises(DataError, match=r"holds no loss; set fairseq\.common\.log_format: json"):
        read_training_log(log("epoch 001 | loss 4.5"))
