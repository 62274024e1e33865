"""The weights of one shared encoder (MMFusionShare) as those of two towers (MMFusionSeparate).

The tasks of ``projects/retri/videoretri.yaml`` pre-train the one and use the other. The text tower is
exactly the shared encoder's text pass. So is the video tower if it has as many layers; with fewer it
starts from the first ones.
"""

from collections.abc import Mapping

import torch

from mmpt.utils import get_logger

__all__ = ["split_shared_encoder"]

logger = get_logger(__name__)

_SHARED, _VIDEO, _TEXT = "mm_encoder.", "video_encoder.", "text_encoder."
_POSITIONS = "embeddings.position_embeddings.weight"
_TYPES = "embeddings.token_type_embeddings.weight"


def split_shared_encoder(
    weights: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor], max_video_len: int
) -> dict[str, torch.Tensor]:
    """Return ``weights`` by the names of a model with two towers; those of no shared encoder as they are.

    Args:
        weights: Name -> tensor.
        own: State dict of the model with two towers: what it does not have is left out.
        max_video_len: The one that the shared encoder was trained with.
    """
    if not any(name.startswith(_SHARED) for name in weights):
        return dict(weights)
    logger.warning(
        "The weights are those of one encoder for video and text. The text tower takes all of it, the video "
        "tower its first %d layers.",
        len({name.split(".")[4] for name in own if name.startswith(f"{_VIDEO}bert.encoder.layer.")}),
    )
    shared = {
        name.removeprefix(_SHARED): value for name, value in weights.items() if name.startswith(_SHARED)
    }
    bert = {name.removeprefix("bert."): value for name, value in shared.items() if name.startswith("bert.")}
    bert[_POSITIONS] = _text_positions(bert[_POSITIONS], bert[_TYPES], max_video_len)
    towers = {f"{_VIDEO}{name}": value for name, value in shared.items()}
    towers |= {f"{_TEXT}{name}": value for name, value in bert.items()}
    rest = {name: value for name, value in weights.items() if not name.startswith(_SHARED)}
    return rest | {name: value for name, value in towers.items() if name in own}


def _text_positions(positions: torch.Tensor, types: torch.Tensor, max_video_len: int) -> torch.Tensor:
    """Return positions for text that stands alone, (N, D).

    Beside a video word i stands at ``max_video_len + 1 + i`` and is of type 1; BERT alone has it at i
    and of type 0. Rows beyond the end of the table stay what they are.
    """
    moved = positions.clone()
    words = positions[max_video_len + 2 :] + types[1] - types[0]
    moved[1 : 1 + len(words)] = words
    return moved
