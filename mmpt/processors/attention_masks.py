"""2-D attention masks: which position of ``[CLS] video [SEP] text`` sees which.

Comes in: which seconds and tokens are real. Goes out: one mask per clip, rows see columns. With
3 seconds and 3 tokens of text, all real (1 sees, . does not)::

    full             textgen          videogen
    C v v v S t t t  C v v v S t t t  C v v v S t t t
    1 1 1 1 1 1 1 1  1 1 1 1 1 . . .  1 . . . . 1 1 1   [CLS]
    1 1 1 1 1 1 1 1  1 1 1 1 1 . . .  1 1 . . . 1 1 1   video
    1 1 1 1 1 1 1 1  1 1 1 1 1 . . .  1 1 1 . . 1 1 1
    1 1 1 1 1 1 1 1  1 1 1 1 1 . . .  1 1 1 1 . 1 1 1
    1 1 1 1 1 1 1 1  1 1 1 1 1 . . .  1 1 1 1 1 1 1 1   [SEP]
    1 1 1 1 1 1 1 1  1 1 1 1 1 1 . .  1 . . . . 1 1 1   text
    1 1 1 1 1 1 1 1  1 1 1 1 1 1 1 .  1 . . . . 1 1 1
    1 1 1 1 1 1 1 1  1 1 1 1 1 1 1 1  1 . . . . 1 1 1

Padding is seen by nobody. A row of padding sees what its mode gives to all rows.
"""

from collections.abc import Callable

import torch

from mmpt.errors import ConfigError
from mmpt.processors.processor import Processor
from mmpt.registry import nearest

__all__ = ["MMAttentionMask2DProcessor"]


class MMAttentionMask2DProcessor(Processor):
    """Makes the masks of VLM (Xu et al. 2021, section 3) and of captioning."""

    def __call__(self, vmasks: torch.Tensor, cmasks: torch.Tensor, mask_type: str) -> torch.Tensor:
        """Return the masks of clips of one kind.

        Args:
            vmasks: True at real seconds, bool (..., T).
            cmasks: True at real tokens of ``[CLS] [SEP] text``, bool (..., L).
            mask_type: ``full``: every position sees all that is real. ``textgen``: text is generated
                out of the video; it sees the text up to itself. ``videogen``: video out of the text.

        Returns:
            True where a row sees a column, bool (..., T + L, T + L).

        Raises:
            ConfigError: If the kind is unknown.
        """
        if mask_type not in _MASKS:
            close = nearest(mask_type, _MASKS)
            raise ConfigError(
                f"Unknown mask_type '{mask_type}'{f'; did you mean {close!r}?' if close else '.'} "
                f"Known: {', '.join(_MASKS)}."
            )
        return _MASKS[mask_type](vmasks, cmasks)


def _full(vmasks: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
    return _rows_of(_real(vmasks, cmasks))


def _textgen(vmasks: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
    text, first = cmasks[..., 2:], vmasks.shape[-1] + 2
    seen = _real(vmasks, cmasks)
    seen[..., first:] = False
    mask = _rows_of(seen)
    mask[..., first:, first:] = _up_to_itself(text)
    return mask


def _videogen(vmasks: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
    separator = vmasks.shape[-1] + 1
    real = _real(vmasks, cmasks)
    seen = real.clone()
    seen[..., 1 : separator + 1] = False
    mask = _rows_of(seen)
    mask[..., 1:separator, 1:separator] = _up_to_itself(vmasks)
    mask[..., separator, :] = real
    return mask


_MASKS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "full": _full,
    "textgen": _textgen,
    "videogen": _videogen,
}


def _real(vmasks: torch.Tensor, cmasks: torch.Tensor) -> torch.Tensor:
    """Return the real positions of the whole sequence, bool (..., T + L)."""
    return torch.cat([cmasks[..., :1], vmasks, cmasks[..., 1:]], dim=-1)


def _rows_of(seen: torch.Tensor) -> torch.Tensor:
    """Return a mask (..., N, N) every row of which is ``seen`` (..., N)."""
    return seen[..., None, :].expand(*seen.shape, -1).clone()


def _up_to_itself(real: torch.Tensor) -> torch.Tensor:
    """Return a mask (..., n, n) of real positions that see themselves and the real ones before."""
    return torch.tril(real[..., :, None] & real[..., None, :])
