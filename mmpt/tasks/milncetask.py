"""MILNCETask: contrastive training with several candidate captions a clip (Miech et al., CVPR 2020)."""

from mmpt.tasks.task import Task

__all__ = ["MILNCETask"]


class MILNCETask(Task):
    """A task whose clips carry C captions each: the model reads (clips * C, L) texts beside the clips.

    Goes with ``How2MILNCEAligner``, a model of two passes (``MMFusionSeparate``, ``MMFusionShare``) and
    the loss ``MILNCE``. The candidates are laid out by :func:`mmpt.tasks.reshape.flatten_clips`.
    """
