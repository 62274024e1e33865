import numpy as np
import pytest

from mmpt.config import DatasetConfig, TaskConfig
from mmpt.datasets import build_dataset
from mmpt.errors import ConfigError, DataError
from mmpt.processors import CrossTaskMetaProcessor
from mmpt.processors.downstream.crosstask_files import choose_training_videos, read_annotation, read_tasks

PRIMARY = (
    "11\nMake Tea\nhttps://t/11\n3\nboil water,add tea,pour\n\n12\nCook Rice\nhttps://t/12\n2\nwash,boil\n\n"
)
RELATED = "21\nMake Coffee\n\n1\ngrind beans\n"
VIDEOS = {"11": [f"a{i}" for i in range(6)], "21": ["c0", "c1"], "12": ["b0", "b1", "b2"]}
VAL = {"11": ["a5"], "12": ["b2"]}


def rows(videos):
    return "".join(f"{task},{video},https://v/{video}\n" for task, group in videos.items() for video in group)


@pytest.fixture
def config(tmp_path, tiny_bert):
    files = {
        "tasks_primary.txt": PRIMARY,
        "tasks_related.txt": RELATED,
        "videos.csv": rows(VIDEOS),
        "videos_val.csv": rows(VAL),
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    (tmp_path / "annotations").mkdir()
    for task, group in VIDEOS.items():
        for video in group:
            np.save(tmp_path / f"{video}.npy", np.ones((5, 512), dtype=np.float16))
            (tmp_path / "annotations" / f"{task}_{video}.csv").write_text("1,0.5,1.2\n")
    return DatasetConfig(
        split="test",
        bert_name=str(tiny_bert),
        meta_processor="CrossTaskMetaProcessor",
        video_processor="CrossTaskVideoProcessor",
        text_processor="CrossTaskTextProcessor",
        aligner="CrossTaskAligner",
        train_csv_path=str(tmp_path / "videos.csv"),
        val_csv_path=str(tmp_path / "videos_val.csv"),
        primary_path=str(tmp_path / "tasks_primary.txt"),
        related_path=str(tmp_path / "tasks_related.txt"),
        annotation_path=str(tmp_path / "annotations"),
        n_train=2,
        vfeat_dir=str(tmp_path),
        max_video_len=8,
        max_len=24,
        sliding_window=2,
        sliding_window_size=4,
    )


def videos_of(config, split):
    return [video for (_, video), _ in CrossTaskMetaProcessor(config.replace(split=split))]


def test_the_split_is_that_of_numpys_global_generator_with_seed_0():
    primary, n_train = ("11", "12", "13"), 3
    videos = {
        task: [f"{task}_{i}" for i in range(n)] for task, n in (("13", 9), ("21", 5), ("11", 3), ("12", 4))
    }
    np.random.seed(0)  # the task "11" has no more than n_train videos and draws nothing
    expected = {"13": set(np.random.choice(videos["13"], n_train, replace=False).tolist())}
    expected["12"] = set(np.random.choice(videos["12"], n_train, replace=False).tolist())
    expected |= {"21": set(videos["21"]), "11": set(videos["11"])}
    assert choose_training_videos(videos, primary, n_train) == expected


def test_splits_share_no_video_and_leave_none_out(config):
    # Primary tasks have 5 and 2 videos outside the validation list; of each, n_train = 2 are for training.
    train, valid, test = (videos_of(config, split) for split in ("train", "valid", "test"))
    assert sorted(train + valid + test) == sorted(video for group in VIDEOS.values() for video in group)
    assert valid == ["a5", "b2"]
    assert len(test) == 3
    assert set(test) < set(VIDEOS["11"])
    assert {"c0", "c1", "b0", "b1"} < set(train)


def test_missing_features_do_not_move_other_videos_to_another_split(config, tmp_path):
    before = set(videos_of(config, "test"))
    (tmp_path / "a0.npy").unlink()
    assert set(videos_of(config, "test")) == before - {"a0"}


def test_an_item_is_a_video_of_a_task_and_the_steps_of_the_task(config):
    meta = CrossTaskMetaProcessor(config.replace(split="valid"))
    assert meta[0] == (("11", "a5"), ["boil water", "add tea", "pour"])
    assert meta[1] == (("12", "b2"), ["wash", "boil"])


def test_what_cannot_be_used_is_counted(config, tmp_path):
    (tmp_path / "a1.npy").unlink()
    (tmp_path / "annotations" / "11_a2.csv").unlink()
    np.save(tmp_path / "b0.npy", np.ones((1, 512)))  # its task has 2 steps
    (tmp_path / "annotations" / "21_c0.csv").write_text("1,0,2\n1,4.5,5.5\n\n1,7,9\n")  # 5 seconds
    (tmp_path / "annotations" / "21_c1.csv").write_text("\n")
    metas = [CrossTaskMetaProcessor(config.replace(split=split)) for split in ("train", "valid", "test")]
    dropped = {}
    for meta in metas:
        for reason, ids in meta.dropped.items():
            dropped.setdefault(reason, []).extend(ids)
    assert dropped == {
        f"without a feature file in {tmp_path}": ["a1"],
        f"without an annotation in {tmp_path / 'annotations'}": ["a2"],
        "with more steps than seconds": ["b0"],
    }
    assert sum(len(meta) for meta in metas) == 11 - 3
    assert metas[0].ignored == {
        "annotated spans that cover no second of the video's features": ["21_c0.csv line 4"],
        "annotations without a step": ["21_c1.csv"],
    }


def test_a_batch_holds_the_windows_of_a_video_and_the_steps_of_its_task(config, tmp_path):
    (tmp_path / "annotations" / "11_a5.csv").write_text("3,2.5,4\n1,0,1\n")
    dataset = build_dataset(TaskConfig(dataset=config), "valid")
    batch = dataset.collater([dataset[0]])
    assert batch["caps"].shape == (1, 3, 16)
    assert batch["vfeats"].shape == (1, 2, 8, 512)  # windows 0..4 and 2..5 in the model's 8 positions
    steps = [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert batch["video_targets"][0].tolist() == steps
    assert batch["targets"][0].tolist() == steps[0:4] + steps[2:5]
    assert (batch["task_id"], batch["video_id"], batch["video_len"].tolist()) == (["11"], ["a5"], [5])


def test_nothing_to_test_says_to_lower_n_train(config):
    with pytest.raises(DataError, match=r"no primary task has more than dataset\.n_train = 5 videos outside"):
        CrossTaskMetaProcessor(config.replace(n_train=5))


def test_a_missing_key_is_named(config):
    with pytest.raises(ConfigError, match=r"CrossTaskMetaProcessor needs dataset\.val_csv_path"):
        CrossTaskMetaProcessor(config.replace(val_csv_path=None))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("11,a5\n", r"The line 1 of .*val\.csv is '11,a5'; 'task,video,url' is expected"),
        ("11,a5,u\n99,z,u\n", r"The task '99' in line 2 of .*val\.csv is in neither list of tasks"),
    ],
)
def test_a_malformed_list_is_named_by_line(config, tmp_path, content, message):
    (tmp_path / "videos_val.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        CrossTaskMetaProcessor(config)


def test_tasks_are_blocks_that_may_lack_a_title_and_a_last_empty_line(tmp_path):
    (tmp_path / "tasks.txt").write_text(f"{RELATED}\n\n22\n\n\n2\nstir , serve")
    assert read_tasks(str(tmp_path / "tasks.txt")) == {"21": ["grind beans"], "22": ["stir", "serve"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (PRIMARY + "13\nt\nu\n2\n", r"After the task '13' \(line 13 of .*\) the lines title, url"),
        (PRIMARY + PRIMARY, r"After the task '11' \(line 13 of .*once per task"),
        ("13\nt\nu\n2\nboil\n", r"The steps of the task '13' \(line 1 of .*\) are 'boil', .* number is '2'"),
        ("13\nt\nu\n2\nboil,\n", r"The steps of the task '13' .* are 'boil,'"),
    ],
)
def test_a_malformed_task_is_named_by_line(tmp_path, content, message):
    (tmp_path / "tasks.txt").write_text(content)
    with pytest.raises(DataError, match=message):
        read_tasks(str(tmp_path / "tasks.txt"))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("4,0,1", r"The step of line 2 of .*\.csv is '4'; its task has the steps 1 to 3"),
        ("0,0,1", r"The step of line 2 of .*\.csv is '0'"),
        ("a,0,1", r"The step of line 2 of .*\.csv is 'a'"),
        ("1,0", r"Row '1,0' \(line 2 of .*\) has 2 cells; 'step,start,end' is expected"),
        ("1,0,nan", r"The end of line 2 of .* is 'nan'"),
        ("1,2,1.5", r"The span of line 2 of .* is 2 to 1\.5; 0 <= start <= end"),
        ("1,-1,1", r"The span of line 2 of .* is -1 to 1"),
    ],
)
def test_a_malformed_annotation_is_named_by_file_and_line(tmp_path, row, message):
    path = tmp_path / "11_v.csv"
    path.write_text(f"1,0,1\n{row}\n")
    with pytest.raises(DataError, match=message):
        read_annotation(path, 3)
