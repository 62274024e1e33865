"""Captions per second with 5 beams at the size of the paper, with kept states and without.

12 layers of BERT base with random weights, 32 seconds of video, at most 24 tokens with the prompt
(``test_youcookcap.yaml``). "prefix again" is :mod:`benchmarks.naive_generation`, which runs video, prompt
and words so far for every beam at every step. Captions that end at once would flatter, so [SEP] is made
impossible and every caption has full length. Run: python -m benchmarks.bench_generation
"""

import time

import torch

from benchmarks.naive_generation import naive_captions
from benchmarks.paper import SECONDS, TOKENS, WIDTH, devices, paper_model
from mmpt.config import ModelConfig
from mmpt.models.generation import MMFusionNLG
from mmpt.processors.attention_masks import MMAttentionMask2DProcessor

LENGTH, BEAMS = 24, 5
CLS, SEP = 101, 102
CLIPS = {"cpu": (4, 1), "cuda": (32, 32)}
"""Clips that are written with kept states, and without."""


def endless_model() -> MMFusionNLG:
    """Return a model that never ends a caption."""
    torch.manual_seed(0)
    model: MMFusionNLG = paper_model(
        ModelConfig(model_cls="MMFusionNLG", mm_encoder_cls="MMBertForNLG", max_decode_length=LENGTH)
    ).eval()
    with torch.no_grad():
        model.mm_encoder.cls.predictions.bias[SEP] = -1e4
    return model


def prompts(clips: int, device: str) -> dict[str, torch.Tensor]:
    """Return the inputs of ``generate`` for clips of 3 to 32 seconds."""
    draw = torch.Generator().manual_seed(0)
    vmasks = torch.arange(SECONDS) < torch.randint(3, SECONDS + 1, (clips, 1), generator=draw)
    cmasks = torch.ones(clips, TOKENS, dtype=torch.bool)
    inputs = {
        "caps": torch.tensor([[CLS, SEP, CLS]]).repeat(clips, 1),
        "cmasks": cmasks,
        "vfeats": torch.randn(clips, SECONDS, WIDTH, generator=draw) * vmasks[..., None],
        "vmasks": vmasks,
        "attention_mask": MMAttentionMask2DProcessor()(vmasks, cmasks, "textgen"),
    }
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def kept(model: MMFusionNLG, inputs: dict[str, torch.Tensor]) -> list[list[int]]:
    return model.generate(**inputs, num_beams=BEAMS).tolist()


def again(model: MMFusionNLG, inputs: dict[str, torch.Tensor]) -> list[list[int]]:
    read = {name: inputs[name] for name in ("caps", "vfeats", "attention_mask")}
    with torch.inference_mode():
        return naive_captions(model, **read, num_beams=BEAMS, max_length=LENGTH)


def run() -> list[tuple[str, float, str, float | str]]:
    """Return (name, captions per second, unit, times the speed without kept states)."""
    rows: list[tuple[str, float, str, float | str]] = []
    for device in devices():
        model, speed = endless_model().to(device), {}
        kept(model, prompts(1, device))  # warms up
        for name, write, clips in zip(
            ("kept states", "prefix again"), (kept, again), CLIPS[device], strict=True
        ):
            inputs = prompts(clips, device)
            begin = time.perf_counter()
            captions = write(model, inputs)
            speed[name] = len(captions) / (time.perf_counter() - begin)
            assert all(len(caption) == LENGTH for caption in captions)
        for name, value in speed.items():
            what = f"captions, {BEAMS} beams, {LENGTH} tokens, {device}, {name}"
            rows.append((what, value, "captions/s", value / speed["prefix again"]))
    return rows


if __name__ == "__main__":
    for name, value, unit, ratio in run():
        print(f"{name:60s} {value:8.3g} {unit} {ratio:5.2f}x")
