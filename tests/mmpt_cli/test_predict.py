"""``mmpt_cli/predict.py``: which checkpoints, what is printed, exit codes and errors."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from mmpt.errors import CheckpointError, ConfigError
from mmpt.evaluators import read_result
from mmpt.models import MMPTModel
from mmpt.utils import load_config
from mmpt.utils.files import sha256
from mmpt_cli.predict import checkpoints_to_evaluate, main

ROOT = Path(__file__).parents[2]


def name_checkpoint(task, name):
    content = yaml.safe_load(task.read_text())
    content["fairseq"]["common_eval"]["path"] = str(task.parent / "runs" / name)
    task.write_text(yaml.safe_dump(content))


def copy_checkpoint(task, *names):
    for name in names:
        shutil.copy(task.parent / "runs/checkpoint_best.pt", task.parent / "runs" / name)


def chosen(task, named=None):
    return [path.name for path in checkpoints_to_evaluate(str(task), load_config(task), named)]


def test_the_best_checkpoint_stands_alone(retrieval_task):
    copy_checkpoint(retrieval_task, "checkpoint1.pt")
    assert chosen(retrieval_task) == ["checkpoint_best.pt"]


def test_without_best_every_checkpoint_in_the_folder_is_compared(retrieval_task):
    copy_checkpoint(retrieval_task, "checkpoint1.pt", "mine.pt", "other.pt")
    name_checkpoint(retrieval_task, "mine.pt")
    assert chosen(retrieval_task) == ["checkpoint1.pt", "checkpoint_best.pt", "mine.pt"]


def test_what_a_killed_training_left_half_written_is_no_checkpoint(retrieval_task):
    copy_checkpoint(retrieval_task, "checkpoint1.pt")
    (retrieval_task.parent / "runs/checkpoint_best.pt.tmp").write_bytes(b"half")
    name_checkpoint(retrieval_task, "checkpoint1.pt")
    assert chosen(retrieval_task) == ["checkpoint1.pt", "checkpoint_best.pt"]


def test_a_task_that_is_no_test_uses_its_checkpoint_alone(retrieval_task):
    copy_checkpoint(retrieval_task, "checkpoint1.pt")
    name_checkpoint(retrieval_task, "checkpoint1.pt")
    task = retrieval_task.rename(retrieval_task.with_name("vis_small.yaml"))
    assert chosen(task) == ["checkpoint1.pt"]


def test_a_checkpoint_named_on_the_command_line_stands_alone(retrieval_task):
    copy_checkpoint(retrieval_task, "checkpoint1.pt", "checkpoint_last.pt")
    name_checkpoint(retrieval_task, "checkpoint_last.pt")
    assert chosen(retrieval_task, str(retrieval_task.parent / "runs/checkpoint1.pt")) == ["checkpoint1.pt"]


def test_a_missing_checkpoint_names_those_beside_it(retrieval_task):
    name_checkpoint(retrieval_task, "checkpoint_last.pt")
    with pytest.raises(CheckpointError, match=r"checkpoint_last\.pt does not exist.*has checkpoint_best\.pt"):
        main([str(retrieval_task)])


def test_all_checkpoints_are_printed_and_the_best_named(retrieval_task, capsys):
    copy_checkpoint(retrieval_task, "checkpoint_last.pt")
    name_checkpoint(retrieval_task, "checkpoint_last.pt")
    assert main([str(retrieval_task), "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "checkpoint_best on the test split" in printed
    assert printed.splitlines()[1].split() == ["metric", "baseline", "result", "count"]
    # equal weights, equal values: the first by name is the best
    assert "best of 2 checkpoints, chosen by R@1 on the test split itself: checkpoint_best" in printed
    assert (retrieval_task.parent / "runs/eval/checkpoint_last.result.json").exists()


def test_a_vis_task_only_predicts(retrieval_task, capsys):
    task = retrieval_task.rename(retrieval_task.with_name("vis_small.yaml"))
    assert main([str(task), "--device", "cpu"]) == 0
    assert (task.parent / "runs/eval/checkpoint_best.scores.npy").exists()
    assert "R@1" not in capsys.readouterr().out


def test_the_untrained_model_is_the_same_every_time(retrieval_task, capsys):
    tables = []
    for _ in range(2):
        assert main([str(retrieval_task), "--device", "cpu", "--untrained"]) == 0
        tables.append(capsys.readouterr().out)
    assert tables[0] == tables[1]
    assert tables[0].startswith("untrained on the test split")
    result = read_result(retrieval_task.parent / "runs/eval/untrained.result.json")
    assert result.checkpoint is None


def test_a_project_is_refused():
    with pytest.raises(ConfigError, match="is a project"):
        main([str(ROOT / "projects/retri/videoclip.yaml")])


@pytest.mark.parametrize("how", [["mmpt_cli/predict.py"], ["-m", "mmpt_cli.predict"]])
def test_it_runs_as_a_file_and_as_a_module(how, tmp_path):
    done = subprocess.run(
        [sys.executable, *how, str(tmp_path / "nothing.yaml")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "nothing.yaml does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_shipped_task_that_is_not_expanded_yet_gets_as_far_as_its_checkpoint(monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(CheckpointError, match=r"runs/retri/videoclip/checkpoint_best\.pt does not exist"):
        main(["projects/retri/videoclip/test_vtt_zs.yaml"])


def test_a_task_that_trains_is_refused_and_told_how_to_run(monkeypatch):
    monkeypatch.chdir(ROOT)
    task = "projects/retri/videoclip/how2.yaml"
    with pytest.raises(ConfigError, match=f"{task} names no predictor.* To train it: mmpt launch {task}"):
        main([task])


def test_a_saved_model_is_evaluated_alone(retrieval_task):
    copy_checkpoint(retrieval_task, "checkpoint1.pt")
    saved = retrieval_task.parent / "runs/mine"
    model, _, _ = MMPTModel.from_pretrained(retrieval_task, retrieval_task.parent / "runs/checkpoint1.pt")
    model.save_pretrained(saved, video_encoder=False)
    name_checkpoint(retrieval_task, "mine")
    assert chosen(retrieval_task) == ["mine"]
    assert main([str(retrieval_task), "--device", "cpu"]) == 0
    eval_folder = retrieval_task.parent / "runs/eval"
    result = read_result(eval_folder / "mine.result.json")
    assert result.checkpoint["sha256"] == sha256(saved / "model.safetensors")
    assert (
        main([str(retrieval_task), "--device", "cpu", "--checkpoint", f"{saved.parent}/checkpoint1.pt"]) == 0
    )
    assert read_result(eval_folder / "checkpoint1.result.json").metrics == result.metrics
