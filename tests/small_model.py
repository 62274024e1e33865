"""A tiny model with a task file, as a user has one."""

import torch
import yaml
from safetensors.torch import save_file

from mmpt.encoders.s3d import S3D
from mmpt.models import build_model
from mmpt.utils import recursive_config

FPS, SIZE, WIDTH, CLIP = 4, 32, 0.125, 4


def write_task(folder, bert, seed=0):
    """Write a task file with an untrained checkpoint and a narrow S3D beside it; return its path."""
    torch.manual_seed(seed)
    save_file(S3D(width=WIDTH, text_module=False).state_dict(), folder / "s3d.safetensors")
    values = {
        "dataset": {"bert_name": str(bert), "max_video_len": CLIP, "max_len": 16},
        "model": {
            "model_cls": "MMFusionSeparate",
            "video_encoder_cls": "MMBertForEncoder",
            "text_encoder_cls": "BertModel",
            "num_hidden_video_layers": 1,
        },
        "extractor": {"weights": str(folder / "s3d.safetensors"), "width": WIDTH, "fps": FPS, "size": SIZE},
        "fairseq": {"checkpoint": {"save_dir": str(folder)}},
    }
    path = folder / "task.yaml"
    path.write_text(yaml.safe_dump(values))
    state = build_model(recursive_config(path), pretrained=False).state_dict()
    torch.save({"model": state}, folder / "checkpoint_best.pt")
    return path
