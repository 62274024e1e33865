"""Inference: videos and sentences in, vectors, scores and moments out.

::

    model, tokenizer, aligner = MMPTModel.from_pretrained("projects/retri/videoclip/how2.yaml")
    videos = model.encode_video(["a.mp4", frames, features])  # any mix, any lengths -> (3, D)
    texts = model.encode_text(["cut the onion"])  # -> (1, D)
    scores = texts @ videos.t()
    model.moments("a.mp4", "cut the onion")  # -> [(start, end, score), ...], best first
    model.save_pretrained("my_model")  # all of it; from_pretrained("my_model") brings it back
"""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

import torch
from torch import nn
from transformers import BertModel

from mmpt.config import TaskConfig
from mmpt.encoders import EncoderChoice, VideoEncoder
from mmpt.errors import DataError
from mmpt.models.checkpoint import weights_digest
from mmpt.models.frameencoder import FrameEncoder
from mmpt.models.hub import push_folder
from mmpt.models.loading import BEST, load_parts
from mmpt.models.mmfusion import MMFusion
from mmpt.models.saving import save_model
from mmpt.models.slidingencoder import encode_windows
from mmpt.models.textinput import lay_out
from mmpt.models.videoinput import Video, read_features
from mmpt.modules.moments import Moment, find_moments
from mmpt.processors.dsprocessor import DSAligner
from mmpt.processors.windows import SlidingWindows
from mmpt.utils.counts import at_least_one
from mmpt.utils.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

__all__ = ["NEARBY", "MMPTModel"]

NEARBY = 4
"""Seconds of a window in which a second is read: a short clip, as retrieval is trained on (VideoCLIP: 3 to 32
seconds). In long windows the seconds resemble each other and say what the whole video is about."""


class MMPTModel(nn.Module):
    """A video encoder and a retrieval model, ready to use.

    Runs on the device and in the precision it is moved to (``model.to("cuda")``, ``model.half()``); the
    video encoder follows to the device and keeps its own precision (``extractor.options``).

    Args:
        config: The task.
        model: The fusion model.
        video_encoder: What turns frames into features; by default what ``config.extractor`` names, built
            when frames are given first.

    Attributes:
        origin: The file of the weights, if they were read from one.
    """

    def __init__(
        self, config: TaskConfig, model: MMFusion, video_encoder: VideoEncoder | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.origin: Path | None = None
        self.frame_encoder = FrameEncoder(config, video_encoder)
        self.tokenizer = load_tokenizer(config.dataset.bert_name, config.dataset.use_fast)
        self.aligner = DSAligner(config.dataset.replace(split="test"))

    @classmethod
    def from_pretrained(
        cls, task: str | os.PathLike[str], checkpoint: str | os.PathLike[str] = BEST
    ) -> tuple[Self, "PreTrainedTokenizerBase", DSAligner]:
        """Build a model from a task file and its checkpoint, or from a folder that was saved.

        Args:
            task: Task file, such as ``projects/retri/videoclip/how2.yaml``; it may be one that its
                project has not been expanded to yet. Or a folder of :meth:`save_pretrained`; nothing in it
                is run.
            checkpoint: Of a task: a path, also of such a folder, or a file name in ``eval.save_path`` or
                ``fairseq.checkpoint.save_dir``.

        Returns:
            The model in evaluation mode, its tokenizer, and the aligner that builds its inputs.

        Raises:
            ConfigError: If the task file is missing or wrong, or is a project.
                The video encoder gives vectors of another width than the features have.
            CheckpointError: If the checkpoint is missing, or a weight file is unsafe, incomplete or of
                another model. Missing weights of the video encoder are an error when frames are given:
                features do without them.
        """
        parts = load_parts(task, checkpoint)
        pretrained = cls(parts.config, parts.model, parts.video_encoder).eval()
        pretrained.origin = parts.origin
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
        pooled_video = self._pool_videos(self._features(video_frames))
        pooled_text = self.model.encode_text(caps.to(self._device), cmasks.to(self._device))
        if return_score:
            return {"score": (pooled_video * pooled_text).sum(-1)}
        return {"pooled_video": pooled_video, "pooled_text": pooled_text}

    @torch.no_grad()
    def encode_video(self, videos: torch.Tensor | Sequence[Video], batch_size: int = 32) -> torch.Tensor:
        """Return one vector per video, (B, D).

        A video longer than ``dataset.max_video_len`` is cut into windows of that length, one after the
        other (the last one may be shorter); its vector is the mean of theirs.

        Args:
            videos: One tensor, or a list of videos of any kinds and lengths. A video is
                (T, fps, H, W, 3) frames, uint8 or float in 0..1 (rounded to bytes), (T, 512) features, or
                the name of a file: a video, or features as ``.npy``.
            batch_size: Windows encoded at once.

        Raises:
            DataError: If a video has another shape or no second, or its file cannot be used.
            ConfigError: If ``batch_size`` is less than 1.
        """
        at_least_one(batch_size=batch_size)
        return self._pool_videos(self._features(videos), batch_size)

    @torch.no_grad()
    def encode_seconds(
        self, videos: torch.Tensor | Sequence[Video], batch_size: int = 128
    ) -> list[torch.Tensor]:
        """Return one vector per second of each video, a list of (T, D).

        The dot product of a second's vector and a text's says how well they match. It is the hidden state
        that :meth:`encode_video` pools of a clip. The video is read in windows of :data:`NEARBY` seconds,
        each beginning with the last second of the one before; that second is the mean of what both say, so
        that none is read without its neighbours on either side.

        See :meth:`encode_video` for the arguments and errors.
        """
        at_least_one(batch_size=batch_size)
        size = min(NEARBY, self.config.dataset.max_video_len)
        windows = SlidingWindows(size, max(1, size - 1))

        def encode(vfeats: torch.Tensor, vmasks: torch.Tensor) -> list[torch.Tensor]:
            hidden = self.model.encode_seconds(self._start(vfeats), vfeats, vmasks)
            return [rows[mask] for rows, mask in zip(hidden, vmasks, strict=True)]

        features = self._features(videos)
        parts = encode_windows(encode, features, windows, batch_size)
        return [
            self.model.scaled(windows.average(torch.cat(rows), len(feature)))
            for rows, feature in zip(parts, features, strict=True)
        ]

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str], batch_size: int = 32) -> torch.Tensor:
        """Return one vector per text, (B, D); tokens beyond ``max_len - max_video_len - 3`` are cut off.

        Raises:
            DataError: If ``texts`` is a single string or empty.
            ConfigError: If ``batch_size`` is less than 1.
        """
        at_least_one(batch_size=batch_size)
        caps, cmasks = lay_out(texts, self.tokenizer, self.aligner.layout)
        lengths = cmasks.sum(1)
        vectors = []
        for start in range(0, len(caps), batch_size):
            rows = slice(start, start + batch_size)
            longest = int(lengths[rows].max())
            batch = (each[rows, :longest].to(self._device) for each in (caps, cmasks))
            vectors.append(self.model.encode_text(*batch))
        return torch.cat(vectors)

    def moments(self, video: Video, text: str, count: int = 5) -> list[Moment]:
        """Return the moments of a video that match a text, best first: ``(start, end, score)`` in seconds.

        Args:
            video: One video, as in :meth:`encode_video`.
            text: What to look for.
            count: Most moments; they do not overlap.
        """
        scores = self.encode_seconds([video])[0] @ self.encode_text([text])[0]
        return find_moments(scores.float().cpu().numpy(), count)

    def save_pretrained(
        self, folder: str | os.PathLike[str], *, licence: str | None = None, video_encoder: bool = True
    ) -> None:
        """Write a folder that :meth:`from_pretrained` needs nothing beside; it appears whole or not at all.

        An earlier save is replaced. What was trained on, and results, are told on the model card as far as
        they lie beside the checkpoint. See :mod:`mmpt.store.modelfolder` for the files.

        Args:
            folder: Where to.
            licence: Of the weights, for the card: an identifier such as ``mit`` or ``cc-by-nc-4.0``.
            video_encoder: Whether the weights of the video encoder are copied. Without them the model takes
                features, and frames where it finds the weights at the place that the task names.

        Raises:
            DataError: If the folder holds anything else, or cannot be written.
            CheckpointError: If the weights of the video encoder are missing.
        """
        save_model(self, Path(folder), licence, video_encoder)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        licence: str,
        video_encoder: bool = True,
        private: bool = True,
        token: str | None = None,
    ) -> str:
        """Save the model and upload it to the Hugging Face hub; return its address.

        ``hf download REPO_ID --local-dir FOLDER`` fetches what :meth:`from_pretrained` takes.

        Args:
            repo_id: ``owner/name``; the repository is made if it is not there.
            licence: See :meth:`save_pretrained`.
            video_encoder: See there.
            private: Whether a new repository is for its owner alone.
            token: Of an account that may write there; None: the one that ``hf auth login`` stored.
        """
        with TemporaryDirectory() as folder:
            self.save_pretrained(Path(folder) / "model", licence=licence, video_encoder=video_encoder)
            return push_folder(Path(folder) / "model", repo_id, private, token)

    @property
    def dim(self) -> int:
        """Return D, the numbers in a vector."""
        return next(part for part in self.model.modules() if isinstance(part, BertModel)).config.hidden_size

    @cached_property
    def identity(self) -> str:
        """What the model is, and the beginning of the checksum of its weights (as they are at first)."""
        return f"{type(self.model).__name__} {weights_digest(self.model)[:16]}"

    @property
    def encoder_choice(self) -> EncoderChoice:
        """Return what it takes to build the video encoder."""
        return self.frame_encoder.choice

    def video_encoder(self) -> VideoEncoder:
        """Return the video encoder, on the device of the model; it is built when it is needed first.

        Raises:
            CheckpointError: If its weights are missing or of another network.
            ConfigError: If its vectors have another width than the model reads.
        """
        return self.frame_encoder.on(self._device)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def _features(self, videos: torch.Tensor | Sequence[Video]) -> list[torch.Tensor]:
        return read_features(videos, self.frame_encoder, next(self.model.parameters()))

    def _pool_videos(self, features: Sequence[torch.Tensor], batch_size: int = 32) -> torch.Tensor:
        """Return the vectors (B, D) of videos given as features (T, 512)."""
        longest = self.config.dataset.max_video_len

        def encode(vfeats: torch.Tensor, vmasks: torch.Tensor) -> torch.Tensor:
            return self.model.encode_video(self._start(vfeats), vfeats, vmasks)

        parts = encode_windows(encode, features, SlidingWindows(longest, longest), batch_size)
        return self.model.scaled(torch.stack([torch.stack(vectors).mean(0) for vectors in parts]))

    def _start(self, vfeats: torch.Tensor) -> torch.Tensor:
        """Return the ids that stand around each of B videos, (B, 2)."""
        ids = [self.tokenizer.cls_token_id, self.tokenizer.sep_token_id]
        return torch.tensor(ids, device=vfeats.device).expand(len(vfeats), -1)
