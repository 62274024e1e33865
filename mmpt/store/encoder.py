"""What extraction asks of a video encoder: frames in, one vector per clip out, and a few facts.

An encoder is any callable with a ``spec``; :mod:`mmpt.encoders` has the known ones and takes in
your own. It stands here, below the encoders, because the store records the facts with the features.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import torch
from torch.nn import functional

from mmpt.errors import ConfigError, DataError
from mmpt.store.decode import Interpolation

__all__ = ["PRECISIONS", "EncoderSpec", "Precision", "VideoEncoder", "encode"]

RGB = tuple[float, float, float]
Precision = Literal["float32", "bfloat16"]
"""What an encoder computes in; vectors are float32 in any case."""
PRECISIONS: dict[str, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """The facts of an encoder: what it reads and what it gives."""

    name: str
    """The encoder and what distinguishes its output, such as ``s3d`` or ``s3d.mixed_5c``."""
    dim: int
    """Numbers in a vector."""
    fps: int
    """Frames per second that it expects."""
    size: int
    """Height and width of a frame in pixels; frames are scaled to it and cut to a square before."""
    seconds: float = 1
    """Seconds of video in one vector; models that count in seconds need 1."""
    mean: RGB = (0.0, 0.0, 0.0)
    """Subtracted from red, green and blue in 0..1, see :meth:`normalized`."""
    std: RGB = (1.0, 1.0, 1.0)
    """Divides what is left."""
    l2_normalize: bool = True
    """Whether vectors are stored with length 1 if the user does not say."""
    interpolation: Interpolation = "bicubic"
    """How frames are scaled to ``size``."""
    weights: str = ""
    """File or folder of the weights and the beginning of their checksum, see ``weights_label``."""
    precision: Precision = "float32"
    """What it computes in."""
    clipwise: bool = False
    """Whether a vector is the same, to the last bit, whatever clips are beside it in the batch. Otherwise
    batches are filled up with black clips, so that their size is always the same."""

    def __post_init__(self) -> None:
        counts = {"dim": self.dim, "fps": self.fps, "size": self.size, "fps * seconds": self.frames}
        wrong = {name: value for name, value in counts.items() if value != int(value) or value < 1}
        if wrong:
            name, value = next(iter(wrong.items()))
            raise ConfigError(
                f"The encoder '{self.name}' says {name} = {value:g}; give a whole number of at least 1."
            )
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if len(numbers) != 3 or not all(map(math.isfinite, numbers)) or (name == "std" and 0 in numbers):
                raise ConfigError(
                    f"The encoder '{self.name}' says {name} = {numbers}; give three numbers, for red, green "
                    "and blue; std may not be 0."
                )

    @property
    def frames(self) -> int:
        """Return the number of frames T in one clip: ``fps * seconds``."""
        frames = self.fps * self.seconds
        return round(frames) if math.isclose(frames, round(frames)) else frames  # type: ignore[return-value]

    @property
    def identity(self) -> str:
        """Return name and weights, as recorded beside everything that is made with them."""
        return f"{self.name} {self.weights}".strip()

    def recorded(self) -> dict[str, Any]:
        """Return the facts that decide what vectors mean, as plain data."""
        facts = asdict(self)
        kept = ("dim", "fps", "size", "seconds", "interpolation", "precision")
        return {"extractor": self.identity, **{name: facts[name] for name in kept}}

    def normalized(self, frames: torch.Tensor, dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """Return uint8 frames (..., 3) as ``(frames / 255 - mean) / std`` in ``dtype``."""
        std = torch.tensor(self.std, device=frames.device)
        scale = 1 / (255 * std)
        shift = torch.tensor(self.mean, device=frames.device) / std
        return frames.to(dtype).mul_(scale.to(dtype)).sub_(shift.to(dtype))


class VideoEncoder(Protocol):
    """What turns clips into vectors."""

    @property
    def spec(self) -> EncoderSpec:
        """The facts of this encoder."""

    def __call__(self, frames: torch.Tensor) -> torch.Tensor:
        """Return vectors, floats (B, D), of frames uint8 (B, T, H, W, 3), on the device of both."""


def encode(encoder: VideoEncoder, frames: torch.Tensor, l2_normalize: bool | None = None) -> torch.Tensor:
    """Run an encoder and check what it gives.

    Args:
        encoder: In evaluation mode.
        frames: uint8 (B, T, H, W, 3) on the encoder's device.
        l2_normalize: Scale vectors to length 1; None: as the encoder's spec says.

    Returns:
        float32 (B, D) on the same device; NaN and infinity are passed on.

    Raises:
        DataError: If the encoder gives another shape than its spec promises.
    """
    spec = encoder.spec
    with torch.inference_mode():
        vectors = encoder(frames)
        promised = (len(frames), spec.dim)
        if not torch.is_tensor(vectors) or tuple(vectors.shape) != promised:
            given = tuple(vectors.shape) if torch.is_tensor(vectors) else type(vectors).__name__
            raise DataError(
                f"The encoder '{spec.name}' was given {len(frames)} clips and returned {given}; "
                f"its spec promises vectors of shape {promised}. Correct spec.dim or the encoder."
            )
        vectors = vectors.float()
        scaled = spec.l2_normalize if l2_normalize is None else l2_normalize
        return functional.normalize(vectors, dim=1) if scaled else vectors
