"""The encoder in pretrained_models: small, loadable, and its features name what happens."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmpt.demo.clips import HEADS, ClipBatches
from mmpt.encoders.s3d import load_s3d

WEIGHTS = Path(__file__).parents[2] / "pretrained_models" / "s3d_demo.safetensors"


@pytest.fixture(scope="module")
def encoder():
    return load_s3d(WEIGHTS, width=0.25)


def features(encoder, split, clips):
    """Normalised float16 features, as extraction stores them, and labels of acted clips."""
    batch = ClipBatches(123, split, 1, clips, 64, degrade=False)[0]
    with torch.no_grad():
        embedding = encoder(batch.frames.float() / 255)["video_embedding"]
    acted = batch.labels[:, 0] > 0
    return F.normalize(embedding, dim=1).half().float().numpy()[acted], batch.labels.numpy()[acted]


def test_the_weights_are_at_most_three_megabytes(encoder):
    assert WEIGHTS.stat().st_size <= 3_000_000
    assert not encoder.training
    assert encoder(torch.rand(1, 3, 10, 64, 64))["video_embedding"].shape == (1, 512)


def test_a_linear_probe_reads_colours_of_held_out_combinations_off_the_features(encoder):
    x, known = features(encoder, "train", 256)
    asked, right = features(encoder, "test", 96)
    column = list(HEADS).index("colour")
    weights = np.linalg.solve(x.T @ x + 0.1 * np.eye(512), x.T @ np.eye(10)[known[:, column]])
    accuracy = ((asked @ weights).argmax(axis=1) == right[:, column]).mean()
    assert accuracy > 0.7  # chance is 0.1
