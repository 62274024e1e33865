"""Training the demo's video encoder: resumable, and what it ships gives the features it was taught on."""

import json

import pytest
import torch
from torch.nn import functional as F

from mmpt.demo.attributes import AttributeModel
from mmpt.demo.clips import HEADS, ClipBatches
from mmpt.demo.train_encoder import Plan, train
from mmpt.encoders.s3d import load_s3d
from mmpt.errors import CheckpointError

PLAN = Plan(clips=12, batch_size=2, size=32, width=0.125, eval_clips=8, eval_every=3)


def test_an_interrupted_run_ends_with_the_same_weights(tmp_path, monkeypatch):
    train(PLAN, tmp_path / "whole.safetensors", tmp_path / "whole")
    monkeypatch.setattr("mmpt.demo.train_encoder._Run.step", stop_at(4))
    with pytest.raises(KeyboardInterrupt):
        train(PLAN, tmp_path / "parts.safetensors", tmp_path / "parts")
    monkeypatch.undo()
    train(PLAN, tmp_path / "parts.safetensors", tmp_path / "parts")
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "parts.safetensors").read_bytes()
    rows = [json.loads(line) for line in (tmp_path / "parts.jsonl").read_text().splitlines()]
    assert [row["clips"] for row in rows] == [6, 12]
    assert set(rows[0]["accuracy"]["test"]) == set(HEADS)
    with pytest.raises(CheckpointError, match="another plan"):
        train(Plan(clips=14, batch_size=2), tmp_path / "parts.safetensors", tmp_path / "parts")


def stop_at(last):
    from mmpt.demo.train_encoder import _Run

    original, count = _Run.step, iter(range(100))

    def step(self, batch):
        if next(count) == last:
            raise KeyboardInterrupt
        return original(self, batch)

    return step


def test_the_shipped_state_gives_the_centred_embedding(tmp_path):
    torch.manual_seed(0)
    model = AttributeModel(width=0.125).eval()
    model.centre.running_mean.normal_()
    model.centre.running_var.uniform_(0.5, 2)
    torch.save(model.inference_state(), tmp_path / "w.pth")
    frames = ClipBatches(1, "train", 1, 2, 32)[0].frames
    shipped = load_s3d(tmp_path / "w.pth", width=0.125)
    with torch.no_grad():
        features = F.normalize(shipped(frames.float() / 255)["video_embedding"], dim=1)
        logits = model.heads["colour"](features * 512**0.5)
        torch.testing.assert_close(logits, model(frames)["colour"], rtol=1e-3, atol=1e-3)
