"""Small models in use, for tests: random weights, the tiny BERT, a narrow S3D."""

import av
import numpy as np
import torch
from safetensors.torch import save_file

from mmpt.config import DatasetConfig, EvalConfig, ExtractorConfig, ModelConfig, TaskConfig
from mmpt.encoders.s3d import S3D
from mmpt.models import MMPTModel, build_model

FPS, SIZE, WIDTH = 4, 32, 0.125
SECONDS = 4

MODELS = {
    "VideoCLIP": {
        "model_cls": "MMFusionSeparate",
        "video_encoder_cls": "MMBertForEncoder",
        "text_encoder_cls": "BertModel",
        "num_hidden_video_layers": 2,
    },
    "shared": {"model_cls": "MMFusionShare", "mm_encoder_cls": "MMBertForEncoder"},
    "joint": {"model_cls": "MMFusionJoint", "mm_encoder_cls": "MMBertForJoint"},
    "VLM": {"model_cls": "MMFusionMTM", "mm_encoder_cls": "MMBertForMFMMLM", "use_seg_emb": True},
}
"""Name -> ``model`` section."""


def task_of(name, bert, **model):
    """Return the configuration of one of :data:`MODELS`, which reads 4 seconds and 9 words."""
    dataset = DatasetConfig(bert_name=str(bert), max_video_len=SECONDS, max_len=16)
    if name in ("joint", "VLM"):
        dataset = dataset.replace(num_iso_layer=2)
    extractor = ExtractorConfig(width=WIDTH, fps=FPS, size=SIZE, dict_path=None, weights="none.safetensors")
    return TaskConfig(
        dataset=dataset, model=ModelConfig(**(MODELS[name] | model)), extractor=extractor, eval=EvalConfig()
    )


def model_of(name, bert, **model):
    """Return one of :data:`MODELS` with random weights and no video encoder."""
    torch.manual_seed(0)
    config = task_of(name, bert, **{"remove_padding": True, **model})
    return MMPTModel(config, build_model(config, pretrained=False)).eval()


def save_s3d(folder):
    """Write a narrow S3D to ``s3d.safetensors`` in a folder; return the file."""
    torch.manual_seed(0)
    save_file(S3D(width=WIDTH, text_module=False).state_dict(), folder / "s3d.safetensors")
    return folder / "s3d.safetensors"


def write_noise(path, count):
    """Write a video of random frames, 4 a second; return the file."""
    frames = np.random.default_rng(count).integers(0, 255, (count, 48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path
