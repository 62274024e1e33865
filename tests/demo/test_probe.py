"""The probe reads off features what they hold."""

import json

import numpy as np
import pytest

from mmpt.demo.probe import probe
from mmpt.errors import DataError

COLOURS, SHAPES = ["red", "blue"], ["star", "moon"]


def world_with_features(folder, rng):
    """Videos of one step of 10 s each; features hold the colour, and nothing of the shape."""
    truth = {"how2": {}, "youcook": {}}
    for k in range(40):
        name, group = (f"train_{k}", "how2") if k < 30 else (f"test_{k}", "youcook")
        colour, shape = rng.integers(2), rng.integers(2)
        step = {"start": 0.0, "end": 10.0, "colour": COLOURS[colour], "shape": SHAPES[shape]}
        truth[group][name] = {"seconds": 10.0, "steps": [{**step, "action": "shake", "size": "big"}]}
        feature = rng.normal(0, 0.1, size=(10, 8))
        feature[:, 0] += colour
        np.save(folder / f"{name}.npy", feature.astype(np.float16))
    (folder / "world.json").write_text(json.dumps({"truth": truth}))


def test_the_probe_finds_what_features_hold_and_nothing_else(tmp_path):
    world_with_features(tmp_path, np.random.default_rng(0))
    accuracies = probe(tmp_path, tmp_path)
    assert accuracies["colour"] == 100.0
    assert accuracies["shape"] < 90.0


def test_a_world_without_features_is_an_error(tmp_path):
    (tmp_path / "world.json").write_text(json.dumps({"truth": {"how2": {}, "youcook": {}}}))
    with pytest.raises(DataError, match="no features of the training videos"):
        probe(tmp_path, tmp_path)
