"""What ``fairseq-train`` prints when it ends with an error."""

import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.fairseq


def fairseq_train(workspace, run):
    """Run the real command in its own process; return its exit code and standard error."""
    command = [sys.executable, "-m", "fairseq_cli.train", *workspace.arguments(run, "--max-update", "1")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


def test_an_error_of_ours_is_one_sentence_and_exit_code_1(workspace):
    workspace.change("dataset.val_path", "data/vla.lst")
    code, text = fairseq_train(workspace, "none")
    assert code == 1
    assert text.splitlines()[-1].startswith("error: The file data/vla.lst does not exist; check the path")
    assert "Traceback" not in text


def test_a_bug_keeps_its_traceback(workspace):
    workspace.change("plugins", ["buggy"])
    with open("buggy.py", "w") as stream:
        stream.write("1 / 0\n")
    code, text = fairseq_train(workspace, "none")
    assert code == 1
    assert "Traceback" in text
    assert text.rstrip().endswith("ZeroDivisionError: division by zero")


def test_weights_of_another_model_are_one_sentence_that_names_the_checkpoint(workspace):
    fairseq_train(workspace, "run")
    path = "runs/run/checkpoint_last.pt"
    workspace.change("model.num_hidden_video_layers", 2)
    code, text = fairseq_train(workspace, "run")
    assert code == 1
    assert f"error: Cannot load model parameters from checkpoint {path}" in text
    assert "weights of another model than MMFusionSeparate" in text
    assert "Traceback" not in text
    assert torch.load(path, weights_only=True)  # still the old one, whole
