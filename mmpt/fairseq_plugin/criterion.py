"""MMCriterion: the loss of the task as fairseq's trainer wants it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from fairseq.criterions import FairseqCriterion, register_criterion
from fairseq.dataclass import FairseqDataclass
from fairseq.logging import metrics
from torch import nn

from mmpt.errors import CheckpointError, ConfigError
from mmpt.utils.logging import get_logger

if TYPE_CHECKING:
    from mmpt.fairseq_plugin.task import FairseqMMTask

__all__ = ["MMCriterion", "mean_loss"]

logger = get_logger(__name__)

_COUNT = "_loss_batches"


@register_criterion("mmloss", dataclass=FairseqDataclass)
class MMCriterion(FairseqCriterion):
    """The loss that ``loss.loss_cls`` names; a batch counts 1, whatever its size.

    The gradient is therefore the mean over workers (and over ``--update-freq``), and so is the
    logged loss. Parameters of the loss are trained and saved with the model's.

    Args:
        task: The task, which builds and applies the loss.
    """

    def __init__(self, task: "FairseqMMTask") -> None:
        super().__init__(task)
        self.loss = task.mmtask.build_loss()

    def forward(
        self, model: nn.Module, sample: Mapping[str, Any], reduce: bool = True
    ) -> tuple[torch.Tensor, int, dict[str, Any]]:
        """Return the loss of a batch, its weight 1, and what is logged."""
        loss, outputs = self.task.mmtask(model, sample)
        masks = [sample[key] for key in ("cmasks", "vmasks") if key in sample]
        # Workers sum tensors and numbers apart, in order: what one has none of must be of the same kind.
        zero = torch.zeros_like(loss.detach())
        logged = {
            "loss": loss.detach(),
            "ntokens": sum((mask.sum() for mask in masks), zero.long()),
            "nsentences": masks[0].shape[:-1].numel() if masks else len(sample.get("video_id", [])),
            "sample_size": 1,
        }
        return loss, 1, logged | self._terms(outputs.get("loss_terms", {}), zero)

    def _terms(self, terms: Mapping[str, torch.Tensor], zero: torch.Tensor) -> dict[str, Any]:
        """Return value and number (0 or 1) of every term that the loss may have: workers sum equal names."""
        names = getattr(self.loss, "terms", ())
        unknown = terms.keys() - set(names)
        if unknown:
            raise ConfigError(
                f"{type(self.loss).__name__} returned the term '{min(unknown)}', and its attribute `terms` "
                f"names {', '.join(names) or 'none'}. Name it there."
            )
        values = {f"{name}_loss": terms.get(name, zero).detach() for name in names}
        return values | {f"{name}{_COUNT}": int(name in terms) for name in names}

    def load_state_dict(
        self, state_dict: Mapping[str, Any] | None, strict: bool = True, assign: bool = False
    ) -> Any:
        """Load what the loss has learned; a checkpoint of a loss that learns nothing (None) leaves the start.

        Raises:
            CheckpointError: If it is that of another loss.
        """
        if state_dict is None:
            logger.info("the checkpoint's loss learned nothing: %s starts afresh", type(self.loss).__name__)
            return None
        try:
            return super().load_state_dict(state_dict, strict=strict, assign=assign)
        except RuntimeError as error:
            raise CheckpointError(
                f"The checkpoint holds what another loss than {type(self.loss).__name__} has learned. Check "
                "the section loss in the task file, or set fairseq.checkpoint.save_dir to a new folder to "
                f"start afresh. {error}"
            ) from error

    @classmethod
    def reduce_metrics(cls, logging_outputs: Sequence[Mapping[str, Any]]) -> None:
        """Log the mean loss over batches and workers, and that of every term over those that have it."""
        batches = sum(each["sample_size"] for each in logging_outputs)
        metrics.log_scalar("loss", mean_loss(logging_outputs), batches, round=4)
        for key in (key for key in logging_outputs[0] if key.endswith(_COUNT)):
            name = f"{key.removesuffix(_COUNT)}_loss"
            count = sum(each[key] for each in logging_outputs)
            if count:
                metrics.log_scalar(name, sum(each[name] for each in logging_outputs) / count, count, round=4)

    @staticmethod
    def logging_outputs_can_be_summed() -> bool:
        """Return True: all logged values are sums."""
        return True


def mean_loss(logging_outputs: Sequence[Mapping[str, Any]]) -> Any:
    """Return the mean loss over the batches of all workers, on their device: reading it would wait for it."""
    batches = sum(each["sample_size"] for each in logging_outputs)
    return sum(each["loss"] for each in logging_outputs) / max(batches, 1)
