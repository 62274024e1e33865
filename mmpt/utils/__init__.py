"""Small helpers that every other part of mmpt may use; they know nothing of models or data.

The names are loaded when first used (numpy and torch stay unimported until then).
"""

import importlib
from typing import TYPE_CHECKING, Any

from mmpt.utils.load_config import load_config, recursive_config
from mmpt.utils.logging import get_local_rank, get_logger

if TYPE_CHECKING:
    from mmpt.store.shardedtensor import ShardedTensor
    from mmpt.utils.seeding import item_generator, set_seed

__all__ = [
    "ShardedTensor",
    "get_local_rank",
    "get_logger",
    "item_generator",
    "load_config",
    "recursive_config",
    "set_seed",
]

_LAZY = {
    "ShardedTensor": "mmpt.store.shardedtensor",
    "item_generator": "mmpt.utils.seeding",
    "set_seed": "mmpt.utils.seeding",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'mmpt.utils' has no attribute '{name}'")
    return getattr(importlib.import_module(_LAZY[name]), name)
