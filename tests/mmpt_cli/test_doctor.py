"""The doctor: what a task needs, how it stands with it, and what to do, on whole and on damaged tasks."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from mmpt.doctor import features
from mmpt.doctor import shards as shard_checks
from mmpt_cli.doctor import main


@pytest.fixture(autouse=True)
def forget_folders():
    """Folders change between tests; a command looks at each once."""
    features._read_folder.cache_clear()
    shard_checks._problems.cache_clear()


@pytest.fixture
def doctor(capsys):
    """Function: arguments -> (exit code, printed lines)."""

    def run(*arguments):
        code = main([str(each) for each in arguments])
        return code, capsys.readouterr().out.splitlines()

    return run


@pytest.fixture
def whole_task(retrieval_task):
    """A test task of four videos that lacks nothing."""
    table = retrieval_task.parent / "test.csv"
    table.write_text("".join(line for line in table.open() if not line.startswith("v4")))
    return retrieval_task


@pytest.fixture
def sharded_task(golden, tmp_path, tiny_bert):
    """A training task over the shards that the original wrote."""
    shutil.copytree(golden / "legacy" / "data", tmp_path / "data")
    values = yaml.safe_load((golden / "legacy" / "task.yaml").read_text())
    section = values["dataset"]
    section |= {key: str(tmp_path / section[key]) for key in ("train_path", "val_path", "vfeat_dir")}
    section |= {"bert_name": str(tiny_bert), "tfeat_dir": str(tmp_path / "data" / "cap.")}
    path = tmp_path / "how2.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def change(path, **sections):
    """Change keys of a task file, by section."""
    values = yaml.safe_load(path.read_text())
    for name, changes in sections.items():
        values[name] = {**values.get(name, {}), **changes}
    path.write_text(yaml.safe_dump(values))


def starts(lines, words):
    return [line for line in lines if line.startswith(words)]


def test_a_task_that_lacks_nothing_is_told_to_start(doctor, whole_task):
    code, lines = doctor(whole_task)
    assert code == 0
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "note"}
    assert starts(lines, "ok      features: ")[0].endswith("4 videos, 18 seconds; the numbers of 4 were read")
    assert starts(lines, "ok      items of the test split: ")[0].endswith("test.csv: 4 items")
    assert starts(lines, "ok      checkpoint to evaluate: ")[0].endswith("of this task's model")
    assert starts(lines, "note    S3D weights: ")[0].endswith("only making features needs it")
    assert lines[-1] == f"{whole_task}: all is there. Next: mmpt launch {whole_task}"


def test_a_video_without_features_is_counted_and_named_with_the_command_that_makes_them(
    doctor, retrieval_task
):
    code, lines = doctor(retrieval_task)
    assert code == 1
    [fault] = starts(lines, "missing items of the test split")
    assert "1 videos of the test split are left out: without a feature file in " in fault
    assert fault.endswith("(v4)")
    at = lines.index(fault)
    assert lines[at + 1].strip().startswith("from MSR-VTT, https://www.microsoft.com/")
    folder = retrieval_task.parent / "feat"
    extract = "mmpt extract --vdir FOLDER_OF_VIDEOS --fdir"
    assert lines[at + 2].strip() == f"next: {extract} {folder}"
    assert starts(lines, "missing S3D weights")


def test_the_first_names_are_shown_and_all_on_request(doctor, retrieval_task):
    table = retrieval_task.parent / "test.csv"
    with table.open("a") as stream:
        stream.writelines(f"w{i},a sentence\n" for i in range(5))
    _, few = doctor(retrieval_task)
    _, every = doctor(retrieval_task, "--list")
    assert starts(few, "missing items")[0].endswith("(v4, w0, w1 and 3 more (--list))")
    assert starts(every, "missing items")[0].endswith("(v4, w0, w1, w2, w3, w4)")


def test_without_the_folder_of_features_the_list_is_still_read(doctor, whole_task):
    shutil.rmtree(whole_task.parent / "feat")
    code, lines = doctor(whole_task)
    assert code == 1
    assert starts(lines, "missing features: ")[0].endswith("feat: is no folder")
    assert starts(lines, "ok      items of the test split: ")[0].endswith("4 items")


def test_broken_narrow_and_undefined_features_are_named(doctor, whole_task):
    folder = whole_task.parent / "feat"
    whole = (folder / "v0.npy").read_bytes()
    (folder / "v0.npy").write_bytes(whole[:-8])
    np.save(folder / "v1.npy", np.ones((3, 1024), np.float16))
    np.save(folder / "v2.npy", np.full((3, 512), np.nan, np.float32))
    code, lines = doctor(whole_task)
    assert code == 1
    truncated, narrow, undefined = starts(lines, "broken  features")
    assert "1 files are broken; The file " in truncated
    assert "is truncated" in truncated
    assert narrow.endswith("numbers; 1 are 1024, 2 are 512 wide (v1)")
    assert undefined.endswith("1 of 3 sampled videos hold NaN or infinite numbers (v2)")


def test_videos_shorter_than_a_window_are_noted(doctor, whole_task):
    change(whole_task, dataset={"sliding_window": 4, "sliding_window_size": 5})
    code, lines = doctor(whole_task)
    assert code == 0
    [note] = starts(lines, "note    features")
    assert note.endswith("2 videos are shorter than a window of 5 seconds; each has one, padded (v0, v1)")


@pytest.mark.parametrize(("content", "words"), [(None, "is not there"), ("", "is empty")])
def test_a_list_that_is_missing_or_empty_says_where_to_get_it(doctor, whole_task, content, words):
    table = whole_task.parent / "test.csv"
    table.unlink() if content is None else table.write_text(content)
    code, lines = doctor(whole_task)
    assert code == 1
    assert words in next(line for line in lines if "annotations" in line)
    assert lines[-1].startswith(f"{whole_task}: 1 fault. Next: get {table} from MSR-VTT, https://")
    # The lists are needed to build some models.
    assert starts(lines, "note    checkpoint to evaluate")[0].endswith("once the rest is there")


def test_a_malformed_list_is_reported_by_the_class_that_reads_it(doctor, whole_task):
    (whole_task.parent / "test.csv").write_text("id,text\nv0,hello\n")
    code, lines = doctor(whole_task)
    assert code == 1
    assert "lacks video_id, sentence" in starts(lines, "broken  items of the test split")[0]


def test_a_checkpoint_that_is_missing_names_the_key(doctor, whole_task):
    (whole_task.parent / "runs" / "checkpoint_best.pt").unlink()
    code, lines = doctor(whole_task)
    assert code == 1
    assert lines[-1].endswith("Next: put a checkpoint there, or correct fairseq.common_eval.path")


def test_a_checkpoint_of_another_model_is_found_out(doctor, whole_task):
    torch.save({"some.weight": torch.zeros(2)}, whole_task.parent / "runs" / "checkpoint_best.pt")
    code, lines = doctor(whole_task)
    assert code == 1
    assert "belongs to another model" in starts(lines, "broken  checkpoint to evaluate")[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": {"num_iso_layer": 9}}, "dataset.num_iso_layer is 9, and BERT has 3 layers"),
        ({"dataset": {"max_len": 200}}, "dataset.max_len is 200, and BERT has 128 positions"),
        ({"model": {"num_hidden_video_layers": 6}}, "model.num_hidden_video_layers is 6, and BERT has 3"),
    ],
)
def test_a_bert_that_is_too_small_is_found_out(doctor, whole_task, changes, words):
    change(whole_task, **changes)
    code, lines = doctor(whole_task)
    assert code == 1
    assert words in starts(lines, "broken  BERT and its tokenizer")[0]


def test_a_bert_folder_without_its_parts_is_missing(doctor, whole_task, tmp_path):
    (tmp_path / "bert").mkdir()
    change(whole_task, dataset={"bert_name": str(tmp_path / "bert")})
    code, lines = doctor(whole_task)
    assert code == 1
    [fault] = starts(lines, "missing BERT and its tokenizer")
    assert fault.endswith("the folder lacks config.json, vocab.txt, model.safetensors")


def test_a_bert_of_the_hub_is_downloaded_unless_that_is_switched_off(
    doctor, whole_task, monkeypatch, tmp_path
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    change(whole_task, dataset={"bert_name": "bert-base-nowhere"})
    assert starts(doctor(whole_task)[1], "missing BERT")[0].endswith("which is switched off")
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert starts(doctor(whole_task)[1], "note    BERT")[0].endswith("will be downloaded by the first run")


def test_shards_of_the_original_are_whole(doctor, sharded_task):
    code, lines = doctor(sharded_task)
    assert code == 0, lines
    assert starts(lines, "ok      video shards of train: ")[0].endswith("12 videos in 3 shards")
    assert starts(lines, "ok      token shards of val: ")[0].endswith("cap.*: 1 shards")
    assert starts(lines, "ok      items of the valid split: ")[0].endswith("2 items")


def test_missing_and_damaged_shards_are_named(doctor, sharded_task):
    folder = sharded_task.parent / "data"
    (folder / "cap.val_0.startends_data.npy").unlink()
    whole = (folder / "train_1_data.npy").read_bytes()
    (folder / "train_1_data.npy").write_bytes(whole[:-8])
    code, lines = doctor(sharded_task)
    assert code == 1
    [captions] = starts(lines, "missing token shards of val")
    assert "1 of 1 video shards have no captions beside them" in captions
    assert "mmpt shards tokenise" in lines[lines.index(captions) + 2]
    [damaged] = starts(lines, "broken  shard files")
    assert "train_1_data.npy is truncated" in damaged


def test_a_list_that_names_videos_of_no_shard_counts_them(doctor, sharded_task):
    with (sharded_task.parent / "data" / "train.lst").open("a") as stream:
        stream.write("elsewhere\n")
    code, lines = doctor(sharded_task)
    assert code == 1
    [fault] = starts(lines, "missing items of the train split")
    assert "1 videos of the train split are left out: in no shard of " in fault
    assert fault.endswith("(elsewhere)")
    assert "mmpt shards pack" in lines[lines.index(fault) + 2]


def test_shards_of_a_split_that_is_not_there_name_their_command(doctor, sharded_task):
    (sharded_task.parent / "data" / "val_meta.pkl").unlink()
    code, lines = doctor(sharded_task)
    assert code == 1
    fault = starts(lines, "missing video shards of val")[0]
    assert "mmpt shards pack --sdir" in lines[lines.index(fault) + 2]


def test_undefined_numbers_in_a_shard_are_found(doctor, sharded_task):
    path = sharded_task.parent / "data" / "val_0_data.npy"
    rows = np.load(path)
    rows[0, 0] = np.nan
    np.save(path, rows)
    code, lines = doctor(sharded_task)
    assert code == 1
    assert starts(lines, "broken  video shards of val")[0].endswith("hold NaN or infinite numbers (v00012)")


@pytest.fixture
def shipped_projects(tmp_path, monkeypatch):
    """A working directory that holds the shipped projects and no data."""
    shutil.copytree(Path(__file__).parents[2] / "projects", tmp_path / "projects")
    monkeypatch.chdir(tmp_path)


def test_a_project_lists_everything_once_and_waits_for_its_own_checkpoints(doctor, shipped_projects):
    code, lines = doctor("projects/mtm/vlm.yaml")
    assert code == 1
    missing = starts(lines, "missing")
    assert len(missing) == len(set(missing))
    features = (
        "missing features [vtt.yaml, vttqa.yaml, test_vtt.yaml, test_vttqa.yaml]: data/feat/feat_vtt_s3d"
    )
    assert f"{features}: is no folder" in missing
    waiting = "waits   checkpoint to evaluate [test_vtt.yaml]: runs/mtm/vlm/vtt/checkpoint_last.pt: "
    assert waiting + "projects/mtm/vlm/vtt.yaml writes it" in lines
    assert "0 of 14 tasks are ready" in lines[-1]


def test_a_single_task_of_a_project_names_the_task_that_trains_its_checkpoint(doctor, shipped_projects):
    code, lines = doctor("projects/mtm/vlm/test_vtt.yaml")
    assert code == 1
    assert f"{'':8s}next: mmpt launch projects/mtm/vlm/vtt.yaml" in lines
