"""Folders of runs, written as a training writes them."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from run_makers import HARDWARE

from mmpt.utils.trainlog import METRICS_FILE, TrainingLog

CONFIG = """
fairseq: {{optimization: {{lr: [{lr}], max_epoch: 3}}, dataset: {{batch_size: 16}}}}
model: {{model_cls: MMFusionSeparate}}
loss: {{loss_cls: MMContraLoss}}
"""


@pytest.fixture
def trained(tmp_path, monkeypatch) -> Callable[..., Path]:
    """Function: a run of 30 updates in 3 epochs -> its folder, relative to the working folder."""
    monkeypatch.chdir(tmp_path)

    def train(name="runs/a", upto=30, valid=True, end=True, lr=0.1, losses=None) -> Path:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.yaml").write_text(CONFIG.format(lr=lr))
        log = TrainingLog(folder / METRICS_FILE, 2)
        log.start(HARDWARE)
        log.run_clock()
        for update in range(1, upto + 1):
            log.epoch = math.ceil(update / 10)
            loss = losses(update) if losses else 10 / update
            log.train(update, loss, 8, lambda: {"lr": lr, "gradient_norm": 3.0})
            if valid and update % 10 == 0:
                log.valid(update, {"loss": 1 + update / 30, "acc": 0.5})
        if end:
            log.end()
        log._file.close()  # as its process would
        return folder

    return train
