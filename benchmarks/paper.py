"""What several benchmarks share: models at the size of the papers, their inputs, processes of their own."""

import multiprocessing
import resource
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import torch

from mmpt.config import DatasetConfig, LossConfig, ModelConfig, TaskConfig
from mmpt.models import build_model

SECONDS, TOKENS, WIDTH, VOCABULARY = 32, 64, 512, 30522

P = ParamSpec("P")
R = TypeVar("R")


def paper_model(model: ModelConfig, loss: LossConfig | None = None) -> Any:
    """Return a model with random weights; a bare BertConfig is BERT base."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text('{"model_type": "bert"}')
        dataset = DatasetConfig(bert_name=folder, max_video_len=SECONDS, max_len=SECONDS + TOKENS)
        config = TaskConfig(dataset=dataset, model=model, loss=loss or LossConfig())
        return build_model(config, pretrained=False)


def realistic_batch(pairs: int, seed: int) -> dict[str, torch.Tensor]:
    """Return model inputs of 3 to 32 seconds and 8 to 61 words, uniform, as OverlappedAligner draws them."""
    draw = torch.Generator().manual_seed(seed)
    vmasks = torch.arange(SECONDS) < torch.randint(3, SECONDS + 1, (pairs, 1), generator=draw)
    words = torch.randint(8, 65, (pairs, 1), generator=draw).clamp(max=TOKENS - 3)
    cmasks = torch.arange(TOKENS) < words + 3
    caps = torch.randint(1000, VOCABULARY, (pairs, TOKENS), generator=draw) * cmasks
    vfeats = torch.randn(pairs, SECONDS, WIDTH, generator=draw) * vmasks[..., None]
    return {"caps": caps, "cmasks": cmasks, "vfeats": vfeats, "vmasks": vmasks}


def devices() -> list[str]:
    return ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def peak_memory(device: str) -> float:
    """Return the most memory that this process has used so far, in GB."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def in_own_process(function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
    """Call a function in a new process, so that the peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **options).result()
