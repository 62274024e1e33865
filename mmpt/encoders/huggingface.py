"""Vision and video models of Hugging Face transformers, from a folder on disk, as video encoders.

Images (CLIP, SigLIP, ViT, DINOv2 ...) are encoded frame by frame and averaged; a video model (VideoMAE,
X-CLIP, V-JEPA 2, TimeSformer ...) reads the frames of a clip together. Nothing is downloaded, and no
code of the folder is run.
"""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from transformers import AutoModel

from mmpt.encoders.preprocessing import read_preprocessing
from mmpt.encoders.weights import weights_label
from mmpt.errors import CheckpointError, ConfigError
from mmpt.store.encoder import PRECISIONS, EncoderSpec, Precision

__all__ = ["HuggingFaceEncoder", "build_huggingface"]

Pool = Literal["auto", "tokens", "pooler"]

IMAGE_FPS = 1
"""Frames per second of an image model, if not given."""
FREE_FPS = 16
"""Frames per second of a video model that takes any number (V-JEPA 2), if not given."""


class _Reading(NamedTuple):
    """How a model is called."""

    method: str
    """Name of the method that gives what is pooled."""
    argument: str
    """Name of its argument for pixels."""
    whole_clips: bool
    """Whether it reads (B, T, 3, H, W); else images (B, 3, H, W)."""
    options: dict[str, Any]
    """What else it is given."""
    joint: bool
    """Whether the method gives vectors of a space that texts share."""


class HuggingFaceEncoder(nn.Module):
    """A model of transformers on clips.

    Args:
        model: The model.
        spec: Its facts.
        crop: Side of the middle square of a frame that it reads.
        pool: See :func:`build_huggingface`.
    """

    def __init__(self, model: nn.Module, spec: EncoderSpec, crop: int, pool: Pool = "auto") -> None:
        super().__init__()
        self.model, self.spec, self.pool, self._crop = model, spec, pool, crop
        self._reading = _reading(model, pool)
        self._dtype = next(model.parameters()).dtype

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, D) of frames uint8 (B, T, size, size, 3).

        Raises:
            ConfigError: If frames have another size than the spec says.
        """
        if frames.shape[2:] != (self.spec.size, self.spec.size, 3):
            raise ConfigError(
                f"The encoder '{self.spec.name}' reads frames of {self.spec.size} x {self.spec.size} pixels; "
                f"these have the shape {tuple(frames.shape)}. Scale and cut them first."
            )
        edge = (self.spec.size - self._crop) // 2
        square = frames[:, :, edge : edge + self._crop, edge : edge + self._crop]
        pixels = self.spec.normalized(square).to(self._dtype).movedim(-1, 2)
        reading = self._reading
        if not reading.whole_clips:
            pixels = pixels.flatten(0, 1)
        given = getattr(self.model, reading.method)(**{reading.argument: pixels}, **reading.options)
        vectors = self._pooled(given).float()
        return vectors if reading.whole_clips else vectors.unflatten(0, frames.shape[:2]).mean(1)

    def _pooled(self, given: Any) -> torch.Tensor:
        if torch.is_tensor(given):
            return given if given.dim() == 2 else given.flatten(1, -2).mean(1)
        if self._reading.joint or self.pool == "pooler":
            return given.pooler_output
        return given.last_hidden_state.flatten(1, -2).mean(1)


def build_huggingface(
    weights: str | None,
    device: torch.device,
    *,
    fps: int | None = None,
    seconds: float = 1,
    pool: Pool = "auto",
    l2_normalize: bool = True,
    precision: Precision = "float32",
) -> HuggingFaceEncoder:
    """Build an encoder from a folder that transformers wrote.

    Args:
        weights: The folder: ``config.json``, weights, and the configuration of its image processor.
        device: Where it computes.
        fps: Frames per second. By default what makes a clip as long as a video model demands, 16 for one
            that takes any number, and 1 for images.
        seconds: Seconds of video in one vector. ``fps=4 seconds=0.25`` gives a vector per frame.
        pool: ``auto``: the vector that can be compared with texts where the model has one, else the mean
            of its tokens. ``tokens``: the mean of the tokens. ``pooler``: the model's own summary.
        l2_normalize: Whether vectors are stored with length 1.
        precision: What it computes in.

    Raises:
        ConfigError: If the folder or a file in it is missing, the model reads no frames or not so many.
        CheckpointError: If the weights are missing, incomplete, or cannot be read.
    """
    if weights is None or not (Path(weights) / "config.json").is_file():
        given = "none is given" if weights is None else f"'{weights}' is none"
        raise ConfigError(
            f"The encoder 'huggingface' reads a model from a folder with config.json; {given}. "
            "Name the folder with --weights. Nothing is downloaded."
        )
    folder = Path(weights)
    preprocessing = read_preprocessing(folder)
    model = _load(folder, PRECISIONS[precision], pool).to(device)
    spec = EncoderSpec(
        name=f"huggingface.{model.config.model_type}" + (f".{pool}" if pool != "auto" else ""),
        dim=1,  # the trial tells
        fps=_usual_fps(folder, model, pool, seconds) if fps is None else fps,
        size=preprocessing.size,
        seconds=seconds,
        mean=preprocessing.mean,
        std=preprocessing.std,
        l2_normalize=l2_normalize,
        interpolation=preprocessing.interpolation,
        weights=weights_label(folder),
        precision=precision,
    )
    encoder = HuggingFaceEncoder(model, spec, preprocessing.crop, pool)
    encoder.spec = replace(spec, dim=_try(encoder, device))
    return encoder


def _load(folder: Path, dtype: torch.dtype, pool: Pool) -> Any:
    """Return the model in evaluation mode, on the CPU.

    Raises:
        CheckpointError: If its weights are missing, incomplete, or cannot be read.
    """
    try:
        model, info = AutoModel.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, dtype=dtype, output_loading_info=True
        )
    except Exception as error:  # safetensors, pickle, OSError, ValueError ... by the state of the files
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise CheckpointError(f"The folder {folder} holds no usable model ({reason}).") from error
    # Models are shared without the summary that only some uses of them train.
    missing = sorted(key for key in info["missing_keys"] if pool == "pooler" or "pooler" not in key)
    if missing:
        raise CheckpointError(
            f"The weights in {folder} lack {len(missing)} tensors of {type(model).__name__}, such as "
            f"'{missing[0]}'. They are cut short or of another model; random weights are never taken."
        )
    return model.eval().requires_grad_(False)


def _reading(model: nn.Module, pool: Pool) -> _Reading:
    """Return how a model is called.

    Raises:
        ConfigError: If it reads no pixels.
    """
    for method, whole_clips in (("get_video_features", True), ("get_image_features", False)):
        if pool == "auto" and hasattr(model, method):
            return _Reading(method, "pixel_values", whole_clips, {}, joint=True)
    # Models of pictures and texts have a part that sees.
    method = "vision_model" if hasattr(model, "vision_model") else "forward"
    parameters = inspect.signature(getattr(model, method)).parameters
    if method == "vision_model":
        return _Reading(method, "pixel_values", False, {}, joint=False)
    for argument in ("pixel_values_videos", "pixel_values"):
        if argument in parameters:
            whole_clips = argument == "pixel_values_videos" or _frames_demanded(model) is not None
            options = {"skip_predictor": True} if "skip_predictor" in parameters else {}
            return _Reading(method, argument, whole_clips, options, joint=False)
    raise ConfigError(
        f"The model {type(model).__name__} reads no pictures or videos; give a vision or video model."
    )


def _frames_demanded(model: nn.Module) -> int | None:
    """Return the number of frames that a video model was built for, if it cannot read others."""
    config: Any = model.config
    return getattr(config, "num_frames", None) or getattr(
        getattr(config, "vision_config", None), "num_frames", None
    )


def _usual_fps(folder: Path, model: nn.Module, pool: Pool, seconds: float) -> int:
    if not _reading(model, pool).whole_clips:
        return IMAGE_FPS
    frames = _frames_demanded(model)
    if frames is None:
        return FREE_FPS
    if seconds <= 0 or frames % seconds:
        raise ConfigError(
            f"The model in {folder} reads {frames} frames, and {seconds:g} seconds are no whole number of "
            "frames per second. Give other seconds."
        )
    return round(frames / seconds)


def _try(encoder: HuggingFaceEncoder, device: torch.device) -> int:
    """Return the width of the vectors, from a black clip.

    Raises:
        ConfigError: If the model cannot read such clips.
    """
    spec = encoder.spec
    black = torch.zeros(1, spec.frames, spec.size, spec.size, 3, dtype=torch.uint8, device=device)
    try:
        with torch.inference_mode():
            return encoder(black).shape[1]
    except (RuntimeError, ValueError, TypeError, AttributeError, KeyError) as error:
        demanded = _frames_demanded(encoder.model)
        hint = f" It was built for clips of {demanded} frames: fps times seconds." if demanded else ""
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ConfigError(
            f"The model {type(encoder.model).__name__} cannot read clips of {spec.frames} frames of "
            f"{spec.size} x {spec.size} pixels with pool={encoder.pool} ({reason}).{hint}"
        ) from error
