"""FairseqMMModel: the model of the task under the name that checkpoints use (``mmmodel.``)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import torch
from fairseq.dataclass import FairseqDataclass
from fairseq.models import BaseFairseqModel, register_model, register_model_architecture
from torch import nn

from mmpt.errors import CheckpointError
from mmpt.models.checkpoint import PREFIX, load_into, load_weights
from mmpt.store.modelfolder import is_model_folder
from mmpt.utils import get_logger

if TYPE_CHECKING:
    from mmpt.fairseq_plugin.task import FairseqMMTask

__all__ = ["FairseqMMModel"]

logger = get_logger(__name__)


@register_model("mmmodel", dataclass=FairseqDataclass)
class FairseqMMModel(BaseFairseqModel):
    """Wraps the model that the task file describes; it has no options of its own.

    Args:
        mmmodel: The model. The attribute's name is part of the checkpoint format.
        fine_tunes: Training starts from another model's weights, with a fresh optimizer.
    """

    def __init__(self, mmmodel: nn.Module, fine_tunes: bool = False) -> None:
        super().__init__()
        self.mmmodel = mmmodel
        self.fine_tunes = fine_tunes

    @classmethod
    def build_model(cls, cfg: FairseqDataclass, task: "FairseqMMTask") -> Self:
        """Build the model of ``task``, with the weights of a saved model if it starts from one."""
        model = cls(task.mmtask.build_model(), task.cfg.reset_optimizer)
        if is_model_folder(task.cfg.restore_file):  # fairseq reads files only, and says that it found none
            load_into(model.mmmodel, task.cfg.restore_file)
            logger.info("Training starts from the saved model %s.", task.cfg.restore_file)
        return model

    def forward(self, **inputs: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Run the model; it refuses arguments that it does not know."""
        return self.mmmodel(**inputs)

    def load_state_dict(
        self,
        state_dict: dict[str, torch.Tensor],
        strict: bool = True,
        model_cfg: Any = None,
        args: Any = None,
    ) -> Any:
        """Load weights: all of them to go on, those that fit to fine-tune.

        Raises:
            CheckpointError: If they are those of another model.
        """
        if self.fine_tunes:
            own = {key.removeprefix(PREFIX): value for key, value in state_dict.items()}
            return load_weights(self.mmmodel, own, "The checkpoint to fine-tune")
        try:
            return super().load_state_dict(state_dict, strict=strict, model_cfg=model_cfg, args=args)
        except RuntimeError as error:
            raise CheckpointError(
                f"The checkpoint holds the weights of another model than {type(self.mmmodel).__name__}. "
                "Check model.model_cls, its encoder classes and dataset.bert_name in the task file, or set "
                f"fairseq.checkpoint.save_dir to a new folder to start afresh. {error}"
            ) from error


@register_model_architecture("mmmodel", "mmarch")
def mmarch(cfg: Any) -> None:
    """Name the only architecture: the task file holds all settings."""
