"""Adam for models whose parts learn at different rates, or without weight decay."""

from collections.abc import Iterable

from fairseq.optim import register_optimizer
from fairseq.optim.adam import FairseqAdam, FairseqAdamConfig
from torch import nn

from mmpt.errors import ConfigError

__all__ = ["GroupedAdam"]

_FACTORS = {"lr_scale": 1.0, "weight_decay_scale": 1.0}


@register_optimizer("grouped_adam", dataclass=FairseqAdamConfig)
class GroupedAdam(FairseqAdam):
    """fairseq's Adam, minding what a model wrote on its parameters.

    ``parameter.optim_overrides = {"optimizer": {"lr_scale": 10.0, "weight_decay_scale": 0.0}}`` are factors
    on ``lr`` and ``weight_decay``, 1 if not given; the form is that of fairseq's optimizer ``composite``.

    Args:
        cfg: The options of Adam.
        params: All that is trained.

    Raises:
        ConfigError: If no parameter carries factors, or one carries others.
    """

    def __init__(self, cfg: FairseqAdamConfig, params: Iterable[nn.Parameter]) -> None:
        params = list(params)
        if not any(hasattr(each, "optim_overrides") for each in params):
            raise ConfigError(
                "fairseq.optimization.optimizer is grouped_adam, and no parameter has optim_overrides. Let "
                "the model set them, or take adam. With fairseq.common.fp16, which joins all parameters to "
                "one, set fairseq.common.fp16_no_flatten_grads, too."
            )
        groups: dict[tuple[float, float], list[nn.Parameter]] = {}
        for each in params:
            scales = _FACTORS | getattr(each, "optim_overrides", {}).get("optimizer", {})
            if unknown := scales.keys() - _FACTORS.keys():
                raise ConfigError(
                    f"A parameter's optim_overrides hold '{min(unknown)}', which grouped_adam does not know. "
                    f"Give {' or '.join(_FACTORS)}."
                )
            groups.setdefault((scales["lr_scale"], scales["weight_decay_scale"]), []).append(each)
        super().__init__(
            cfg,
            [
                {"params": members, "lr_scale": lr_scale, "weight_decay": cfg.weight_decay * decay_scale}
                for (lr_scale, decay_scale), members in groups.items()
            ],
        )
        self.set_lr(self.optimizer_config["lr"])

    def get_lr(self) -> float:
        """Return the learning rate of parameters without a factor."""
        return self._lr

    def set_lr(self, lr: float) -> None:
        """Set it, and with it that of all others."""
        self._lr = lr
        for group in self.param_groups:
            group["lr"] = lr * group["lr_scale"]
