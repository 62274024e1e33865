import pytest

from mmpt.config.derive import derive, training_options


def task(batch_size=256, subsampling=32):
    return {
        "dataset": {"subsampling": subsampling},
        "fairseq": {
            "common": {"tensorboard_logdir": "run", "log_interval": 1},
            "dataset": {"batch_size": batch_size},
            "checkpoint": {"save_dir": "runs/a"},
        },
    }


@pytest.mark.parametrize(("clips", "expected"), [(32, 256 // 32), (100, 2), (1, 256), (None, 256)])
def test_the_batch_size_counts_clips_and_is_divided_by_the_clips_of_an_item(clips, expected):
    assert derive(task(256, clips))["fairseq"]["dataset"]["batch_size"] == expected


@pytest.mark.parametrize(
    "groups",
    [
        {"dataset": {"batch-size": 64}},
        {"dataset": {"num_workers": 0}, "optimization": {"batch_size": 64}},
        {"dataset": {"batch_size": 32}, "optimization": {"batch_size": 64}},
    ],
    ids=["with a dash", "in another group", "in two groups, of which the last counts"],
)
def test_the_batch_size_is_found_however_it_is_written(groups):
    derived = derive({"dataset": {"subsampling": 32}, "fairseq": groups})
    assert training_options(derived["fairseq"])["batch_size"] == 64 // 32


@pytest.mark.parametrize(
    ("taken", "number"), [((), 0), ({"run_0", "run_1", "checkpoint_best.pt"}, 2), ({"run_1"}, 0)]
)
def test_the_log_folder_has_the_lowest_free_number(taken, number):
    common = derive(task(), taken)["fairseq"]["common"]
    assert common == {"tensorboard_logdir": f"runs/a/run_{number}", "log_interval": 1}


def test_another_log_folder_is_left_alone():
    values = task()
    values["fairseq"]["common"]["tensorboard_logdir"] = "logs/x"
    assert derive(values)["fairseq"]["common"]["tensorboard_logdir"] == "logs/x"


def test_deriving_changes_neither_its_argument_nor_the_order_of_keys():
    values = task()
    derived = derive(values)
    assert values == task()
    assert [list(derived), list(derived["fairseq"])] == [list(values), list(values["fairseq"])]


def test_a_task_without_fairseq_options_stays_as_it_is():
    assert derive({"dataset": {"max_len": 24}}) == {"dataset": {"max_len": 24}, "fairseq": {}}


def test_options_are_found_in_whatever_group_and_a_group_may_be_empty():
    assert training_options({"common_eval": {"path": "x.pt"}, "dataset": None}) == {"path": "x.pt"}
    assert training_options(None) == {}
