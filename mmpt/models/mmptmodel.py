"""Inference: frames and sentences in, vectors and scores out.

::

    model, tokenizer, aligner = MMPTModel.from_pretrained("projects/retri/videoclip/how2.yaml")
    videos = model.encode_video(frames)         # (B, seconds, fps, H, W, 3) -> (B, D)
    texts = model.encode_text(["cut the onion"])  # -> (1, D)
    scores = texts @ videos.t()
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from mmpt.config import TaskConfig, load_task
from mmpt.config.derive import training_options
from mmpt.encoders import VideoEncoder, encode
from mmpt.errors import CheckpointError, DataError
from mmpt.models.build import build_model
from mmpt.models.checkpoint import load_into
from mmpt.models.frameencoder import FrameEncoder
from mmpt.models.mmfusion import MMFusion
from mmpt.processors.dsprocessor import DSAligner
from mmpt.store.featurewidth import with_feature_width
from mmpt.utils.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["MMPTModel"]

_SECONDS_AT_ONCE = 8  # through the encoder; bounds memory (S3D takes up to 0.5 GB for a second at 224)


class MMPTModel(nn.Module):
    """A video encoder and a retrieval model, ready to use.

    Runs on the device and in the precision it is moved to (``model.to("cuda")``, ``model.half()``); the
    video encoder follows to the device and keeps its own precision (``extractor.options``).

    Args:
        config: The task.
        model: The fusion model.
        video_encoder: What turns frames into features; by default what ``config.extractor`` names, built
            when frames are given first.
    """

    def __init__(
        self, config: TaskConfig, model: MMFusion, video_encoder: VideoEncoder | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.frame_encoder = FrameEncoder(config, video_encoder)
        self.tokenizer = load_tokenizer(config.dataset.bert_name, config.dataset.use_fast)
        self.aligner = DSAligner(config.dataset.replace(split="test"))

    @classmethod
    def from_pretrained(
        cls, task: str | os.PathLike[str], checkpoint: str | os.PathLike[str] = "checkpoint_best.pt"
    ) -> tuple[Self, "PreTrainedTokenizerBase", DSAligner]:
        """Build a model from a task file and its checkpoint.

        Args:
            task: Task file, such as ``projects/retri/videoclip/how2.yaml``; it may be one that its
                project has not been expanded to yet.
            checkpoint: A path, or a file name in ``eval.save_path`` or ``fairseq.checkpoint.save_dir``.

        Returns:
            The model in evaluation mode, its tokenizer, and the aligner that builds its inputs.

        Raises:
            ConfigError: If the task file is missing or wrong, or is a project.
                The video encoder gives vectors of another width than the features have.
            CheckpointError: If the checkpoint is missing, or a weight file is unsafe, incomplete or of
                another model. Missing weights of the video encoder are an error when frames are given:
                features do without them.
        """
        config = with_feature_width(load_task(task))
        path = _find_checkpoint(config, checkpoint)  # before a hub is asked for BERT's configuration
        video_encoder = FrameEncoder(config).on("cpu") if Path(config.extractor.weights).exists() else None
        if video_encoder is not None and config.dataset.vfeat_dim is None:
            config = config.replace(dataset=config.dataset.replace(vfeat_dim=video_encoder.spec.dim))
        model = build_model(config, pretrained=False)
        load_into(model, path, complete=True)
        pretrained = cls(config, model, video_encoder).eval()
        return pretrained, pretrained.tokenizer, pretrained.aligner

    def forward(
        self,
        video_frames: torch.Tensor,
        caps: torch.Tensor,
        cmasks: torch.Tensor,
        return_score: bool = False,
    ) -> dict[str, torch.Tensor]:
        """Encode pairs of a video and a text.

        Args:
            video_frames: (B, T, fps, H, W, 3), uint8 or float in 0..1; any T, see :meth:`encode_video`.
            caps: Token ids, int64 (B, L), as the aligner builds them.
            cmasks: True where ``caps`` is not padding, bool (B, L).
            return_score: Return the scores alone.

        Returns:
            ``pooled_video`` and ``pooled_text`` (B, D), or ``score`` (B,), their dot products.

        Raises:
            DataError: If shapes do not fit.
        """
        if len(caps) != len(video_frames):
            raise DataError(f"{len(video_frames)} videos and {len(caps)} texts were given; give pairs.")
        pooled_video = self._pool_videos([self._features(video) for video in video_frames])
        pooled_text = self.model.encode_text(caps.to(self._device), cmasks.to(self._device))
        if return_score:
            return {"score": (pooled_video * pooled_text).sum(-1)}
        return {"pooled_video": pooled_video, "pooled_text": pooled_text}

    @torch.no_grad()
    def encode_video(
        self, videos: torch.Tensor | Sequence[torch.Tensor], batch_size: int = 32
    ) -> torch.Tensor:
        """Return one vector per video, (B, D).

        A video longer than ``dataset.max_video_len`` is cut into windows of that length (the last one
        may be shorter); its vector is the mean of theirs.

        Args:
            videos: One tensor, or a list of videos of different lengths T. A video is
                (T, fps, H, W, 3) frames, uint8 or float in 0..1 (rounded to bytes), or (T, 512) features.
            batch_size: Windows encoded at once.

        Raises:
            DataError: If a video has another shape or no second.
        """
        return self._pool_videos([self._features(video) for video in videos], batch_size)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str], batch_size: int = 32) -> torch.Tensor:
        """Return one vector per text, (B, D); text beyond ``max_len - max_video_len`` is cut off.

        Raises:
            DataError: If ``texts`` is a single string or empty.
        """
        if isinstance(texts, str) or not texts:
            raise DataError(f"encode_text takes a list of one or more sentences, got {texts!r}.")
        ids = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        pairs = [self.aligner._build_text_seq(each) for each in ids]
        caps, cmasks = (torch.stack(column).to(self._device) for column in zip(*pairs, strict=True))
        vectors = []
        for start in range(0, len(caps), batch_size):
            rows = slice(start, start + batch_size)
            longest = int(cmasks[rows].sum(1).max())
            vectors.append(self.model.encode_text(caps[rows, :longest], cmasks[rows, :longest]))
        return torch.cat(vectors)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _features(self, video: torch.Tensor) -> torch.Tensor:
        """Return the features (T, 512) of frames (T, fps, H, W, 3), or the given ones."""
        if isinstance(video, (str, bytes, os.PathLike)):
            raise DataError(f"A video was given as {video!r}; give its frames or features, as a tensor.")
        video = torch.as_tensor(video)
        parameter = next(self.model.parameters())
        if video.ndim == 2 and len(video):
            return video.to(parameter)
        is_video = video.ndim == 5 and video.shape[4] == 3 and len(video) > 0
        encoder = self.frame_encoder.on(parameter.device) if is_video else None
        if encoder is None or video.shape[1] != encoder.spec.frames:
            raise DataError(
                f"A video of shape {tuple(video.shape)} was given. Give frames (seconds, "
                f"{self.frame_encoder.frames}, height, width, 3) or features (seconds, width), at least one "
                "second."
            )
        l2_normalize = self.config.extractor.l2_normalize
        parts = [
            encode(encoder, _as_bytes(part).to(parameter.device), l2_normalize)
            for part in video.split(_SECONDS_AT_ONCE)
        ]
        return torch.cat(parts).to(parameter)

    def _pool_videos(self, features: Sequence[torch.Tensor], batch_size: int = 32) -> torch.Tensor:
        """Return the vectors (B, D) of videos given as features (T, 512)."""
        if not features:
            raise DataError("No video was given; give at least one.")
        windows = [feature.split(self.config.dataset.max_video_len) for feature in features]
        flat = [window for of_video in windows for window in of_video]
        vectors = torch.cat(
            [self._pool_windows(flat[i : i + batch_size]) for i in range(0, len(flat), batch_size)]
        )
        counts = [len(of_video) for of_video in windows]
        return torch.stack([part.mean(0) for part in vectors.split(counts)])

    def _pool_windows(self, windows: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the vectors (B, D) of windows (T, 512) of up to ``max_video_len`` seconds each."""
        vfeats = pad_sequence(list(windows), batch_first=True)
        lengths = torch.tensor([len(window) for window in windows], device=vfeats.device)
        vmasks = torch.arange(vfeats.shape[1], device=vfeats.device) < lengths[:, None]
        start = [self.tokenizer.cls_token_id, self.tokenizer.sep_token_id]
        caps = torch.tensor(start, device=vfeats.device).expand(len(windows), -1)
        return self.model.encode_video(caps, vfeats, vmasks)


def _as_bytes(frames: torch.Tensor) -> torch.Tensor:
    return frames.mul(255).round().clamp(0, 255).byte() if frames.is_floating_point() else frames


def _find_checkpoint(config: TaskConfig, checkpoint: str | os.PathLike[str]) -> Path:
    """Return the first place where ``checkpoint`` is.

    Raises:
        CheckpointError: If it is nowhere; names all places.
    """
    folders = [config.eval.save_path, training_options(config.fairseq).get("save_dir")]
    places = dict.fromkeys([*(Path(folder) / checkpoint for folder in folders if folder), Path(checkpoint)])
    for place in places:
        if place.is_file():
            return place
    raise CheckpointError(
        f"The checkpoint {checkpoint} is not there. Looked for: {', '.join(map(str, places))}. "
        "Train the task first (python locallaunch.py TASK.yaml), or give the path of a checkpoint."
    )
