"""Any model of mmpt on the tasks of ``mteb``, the public benchmark library for embeddings.

::

    import mteb
    from mmpt.evaluators.mteb_encoder import MTEBEncoder

    model, _, _ = MMPTModel.from_pretrained("projects/retri/videoclip/how2.yaml")
    mteb.evaluate(MTEBEncoder(model), mteb.get_tasks(["MSRVTTT2V", "MSRVTTV2T"]))

mteb chooses the items, computes the metrics and writes the results; here stands only what turns its
batches into vectors. Videos are decoded as extraction decodes them, not as mteb would: a model sees
the frames that it was trained on.
"""

import tempfile
from pathlib import Path
from typing import Any

import torch

from mmpt.errors import DataError
from mmpt.models import MMPTModel
from mmpt.utils.counts import at_least_one
from mmpt.utils.optional import require
from mmpt.utils.progress import progress

__all__ = ["MTEBEncoder"]


class MTEBEncoder:
    """What mteb calls an encoder (``mteb.EncoderProtocol``), around a model.

    Args:
        model: A retrieval model with a video encoder.
        name: Under which mteb keeps the results, ``organisation/model``.
        training_datasets: Names of mteb's data sets that the model was trained on; None says that it is
            not known. mteb marks results on these.

    Raises:
        MissingDependencyError: If mteb is not installed.
    """

    def __init__(
        self, model: MMPTModel, name: str = "mmpt/model", training_datasets: set[str] | None = None
    ) -> None:
        self.model = model
        meta: Any = require("mteb.models", "mteb", "run mteb's tasks").ModelMeta
        self.mteb_model_meta = meta.create_empty(
            {
                "name": name,
                "revision": model.identity,
                "n_parameters": sum(parameter.numel() for parameter in model.parameters()),
                "embed_dim": model.dim,
                "framework": ["PyTorch"],
                "similarity_fn_name": "dot",
                "use_instructions": False,
                "training_datasets": training_datasets,
                "modalities": ["text", "video"],
            }
        )

    def encode(
        self,
        inputs: "torch.utils.data.DataLoader[Any]",
        *,
        task_metadata: Any,
        batch_size: int = 32,
        **options: Any,
    ) -> torch.Tensor:
        """Return one vector per item, float32 (N, D) on the CPU.

        Args:
            inputs: mteb's loader of texts or of videos.
            task_metadata: The task, named in errors.
            batch_size: Texts, or windows of videos, encoded at once.
            options: mteb's other facts of the task; they change nothing here.

        Raises:
            DataError: If items hold anything but a text or a video, or a video cannot be decoded: leaving
                it out would change what the number means.
            ConfigError: If ``batch_size`` is less than 1.
        """
        at_least_one(batch_size=batch_size)
        dataset: Any = inputs.dataset
        columns = {"text", "video", "audio", "image"} & set(dataset.column_names)
        if columns == {"text"}:
            vectors = self.model.encode_text(list(dataset["text"]), batch_size)
        elif columns == {"video"}:
            vectors = self._encode_videos(dataset, batch_size)
        else:
            raise DataError(
                f"The items of {task_metadata.name} hold {' and '.join(sorted(columns)) or 'nothing known'}; "
                "mmpt encodes a text or a video alone. Choose a task between these two."
            )
        return vectors.float().cpu()

    def similarity(self, first: Any, second: Any) -> torch.Tensor:
        """Return the dot products (N, M), the score that the model is trained for."""
        return torch.as_tensor(first) @ torch.as_tensor(second).T

    def similarity_pairwise(self, first: Any, second: Any) -> torch.Tensor:
        """Return the dot product of each pair, (N,)."""
        return (torch.as_tensor(first) * torch.as_tensor(second)).sum(-1)

    def _encode_videos(self, dataset: Any, batch_size: int) -> torch.Tensor:
        """Return the vectors (N, D) of the videos in a column of type ``datasets.Video``."""
        datasets: Any = require("datasets", "mteb", "read mteb's videos")
        if not isinstance(dataset.features["video"], datasets.Video):
            raise DataError(
                f"The column 'video' is {dataset.features['video']}; give datasets.Video, whose frames have "
                "times."
            )
        files = dataset.cast_column("video", datasets.Video(decode=False))
        vectors = []
        with tempfile.TemporaryDirectory() as folder:
            for start in progress(range(0, len(files), batch_size), "videos", unit="batch"):
                rows = files[start : start + batch_size]["video"]
                videos = [_on_disk(row, Path(folder) / f"{index}") for index, row in enumerate(rows)]
                vectors.append(self.model.encode_video(videos, batch_size))
        return torch.cat(vectors)


def _on_disk(video: dict[str, Any], place: Path) -> Path:
    """Return the file of a video that a data set holds as a path or as bytes (written to ``place``)."""
    if video["bytes"] is None:
        return Path(video["path"])
    named = place.with_suffix(Path(video["path"] or "").suffix)
    named.write_bytes(video["bytes"])
    return named
