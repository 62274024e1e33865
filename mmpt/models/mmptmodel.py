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
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from mmpt.config import TaskConfig, load_task
from mmpt.config.derive import training_options
from mmpt.encoders.s3d import load_s3d
from mmpt.errors import CheckpointError, DataError
from mmpt.models.build import build_model
from mmpt.models.checkpoint import load_into
from mmpt.models.mmfusion import MMFusion
from mmpt.processors.dsprocessor import DSAligner
from mmpt.utils.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["MMPTModel"]

_SECONDS_AT_ONCE = 8  # through S3D; bounds memory (a second of 30 frames at 224 takes about 0.5 GB)


class MMPTModel(nn.Module):
    """A video encoder and a retrieval model, ready to use.

    Runs on the device and in the precision it is moved to (``model.to("cuda")``, ``model.half()``).

    Args:
        config: The task.
        model: The fusion model.
        video_encoder: Maps frames (B, 3, fps, H, W) in 0..1 to ``{"video_embedding": (B, 512)}``;
            None if only features are given to the model.
    """

    def __init__(self, config: TaskConfig, model: MMFusion, video_encoder: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.video_encoder = video_encoder
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
            CheckpointError: If the checkpoint is missing, or a weight file is unsafe, incomplete or of
                another model. Missing weights of the video encoder are an error when frames are given:
                features do without them.
        """
        config = load_task(task)
        path = _find_checkpoint(config, checkpoint)  # before a hub is asked for BERT's configuration
        model = build_model(config, pretrained=False)
        load_into(model, path, complete=True)
        video_encoder = _load_encoder(config) if Path(config.extractor.weights).is_file() else None
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
                (T, fps, H, W, 3) frames, uint8 or float in 0..1, or (T, 512) features.
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
        fps = self.config.extractor.fps
        if isinstance(video, (str, bytes, os.PathLike)):
            raise DataError(f"A video was given as {video!r}; give its frames or features, as a tensor.")
        video = torch.as_tensor(video)
        is_frames = video.ndim == 5 and video.shape[1] == fps and video.shape[4] == 3
        if not (is_frames or video.ndim == 2) or not len(video):
            raise DataError(
                f"A video of shape {tuple(video.shape)} was given. Give frames (seconds, {fps}, height, "
                "width, 3) or features (seconds, width), at least one second."
            )
        parameter = next(self.model.parameters())
        if not is_frames:
            return video.to(parameter)
        if self.video_encoder is None:
            self.video_encoder = _load_encoder(self.config).to(parameter)
        encoder = self.video_encoder
        return torch.cat([self._embed_seconds(encoder, part) for part in video.split(_SECONDS_AT_ONCE)])

    def _embed_seconds(self, encoder: nn.Module, frames: torch.Tensor) -> torch.Tensor:
        """Return the features (T, 512) of a few seconds, as extraction would store them."""
        clips = frames.to(next(encoder.parameters()))
        if not frames.is_floating_point():
            clips = clips / 255
        vectors = encoder(clips.permute(0, 4, 1, 2, 3))["video_embedding"]
        return functional.normalize(vectors, dim=-1) if self.config.extractor.l2_normalize else vectors

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


def _load_encoder(config: TaskConfig) -> nn.Module:
    return load_s3d(config.extractor.weights, width=config.extractor.width)


def _find_checkpoint(config: TaskConfig, checkpoint: str | os.PathLike[str]) -> Path:
    """Return the first place where ``checkpoint`` is.

    Raises:
        CheckpointError: If it is nowhere; names all places.
    """
    folders = [config.eval.save_path, training_options(config.fairseq).get("save_dir")]
    places = [Path(folder) / checkpoint for folder in folders if folder] + [Path(checkpoint)]
    for place in places:
        if place.is_file():
            return place
    raise CheckpointError(
        f"The checkpoint {checkpoint} is in none of: {', '.join(str(place.parent) for place in places)}. "
        "Train the task first (python locallaunch.py TASK.yaml), or give the path of a checkpoint."
    )
