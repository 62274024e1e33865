import sys

import pytest
import torch
from fairseq.dataclass.configs import DistributedTrainingConfig
from fairseq.distributed.utils import infer_init_method

from mmpt.fairseq_plugin.crash import show_errors_as_sentences

pytestmark = pytest.mark.fairseq


@pytest.fixture
def hook(monkeypatch):
    """The hook that ends a process; what it hands on is collected in the list."""
    handed_on = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: handed_on.append(error))
    show_errors_as_sentences()
    return lambda error: sys.excepthook(type(error), error, None), handed_on


def test_more_processes_than_gpus_say_how_to_launch_with_those_there_are(hook, monkeypatch, capsys):
    show, handed_on = hook
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name in ("MASTER_ADDR", "SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AssertionError) as failure:
        infer_init_method(DistributedTrainingConfig(distributed_world_size=8, tpu=False))
    show(failure.value)
    message = capsys.readouterr().err
    assert "world size is 8 but have 2 available devices" in message
    assert "--jobtype local_single" in message
    assert handed_on == []


def test_a_command_line_without_a_batch_size_is_a_sentence(hook, capsys):
    show, handed_on = hook
    show(AssertionError("Must specify batch size either with --max-tokens or --batch-size"))
    message = capsys.readouterr().err
    assert message.startswith("error: Must specify batch size")
    assert "mmpt launch TASK.yaml, or add --batch-size" in message
    assert handed_on == []


def test_any_other_assertion_is_a_bug_and_keeps_its_traceback(hook, capsys):
    show, handed_on = hook
    show(AssertionError("the sky falls"))
    assert capsys.readouterr().err == ""
    assert len(handed_on) == 1
