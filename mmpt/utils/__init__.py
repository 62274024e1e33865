"""Small helpers that every other part of mmpt may use; they know nothing of models or data."""

from mmpt.utils.logging import get_local_rank, get_logger
from mmpt.utils.seeding import item_generator, set_seed

__all__ = ["get_local_rank", "get_logger", "item_generator", "set_seed"]
