"""The video encoder of a task: built when it is first needed, where it is needed."""

import torch

from mmpt.config import TaskConfig
from mmpt.encoders import EncoderChoice, VideoEncoder
from mmpt.errors import ConfigError

__all__ = ["FrameEncoder"]


class FrameEncoder:
    """Holds what ``extractor`` names in a task.

    It is no module: moving or casting a model leaves it alone, and :meth:`on` follows to the device.

    Args:
        config: The task.
        encoder: One that is built already, on the CPU.
    """

    def __init__(self, config: TaskConfig, encoder: VideoEncoder | None = None) -> None:
        section = config.extractor
        self.l2_normalize = section.l2_normalize
        short = {"width": section.width, "fps": section.fps, "size": section.size}
        self.choice = EncoderChoice(
            type=section.type,
            weights=section.weights,
            options={name: value for name, value in short.items() if value is not None} | section.options,
            plugins=tuple(config.plugins),
        )
        self._width = config.dataset.vfeat_dim
        self._encoder, self._device = encoder, torch.device("cpu")
        if encoder is not None:
            self._check(encoder)

    @property
    def frames(self) -> int | str:
        """Return the number of frames in a second, or a word for it while nothing is built."""
        return (
            self.choice.options.get("fps", "frames") if self._encoder is None else self._encoder.spec.frames
        )

    def on(self, device: torch.device | str) -> VideoEncoder:
        """Return the encoder on ``device``.

        Raises:
            CheckpointError: If its weights are missing or of another network.
            ConfigError: If the section is wrong, or its vectors have another width than the task's features.
        """
        device = torch.device(device)
        if self._encoder is None or device != self._device:
            encoder = self.choice.build(device)
            self._check(encoder)
            self._encoder, self._device = encoder, device
        return self._encoder

    def _check(self, encoder: VideoEncoder) -> None:
        if self._width is not None and encoder.spec.dim != self._width:
            raise ConfigError(
                f"The encoder '{encoder.spec.name}' of the section extractor gives vectors of "
                f"{encoder.spec.dim} numbers, and the model reads {self._width} (dataset.vfeat_dim, or the "
                "features in dataset.vfeat_dir). Name the encoder that made the features."
            )
