"""The straightforward way to draw clips: open the files for every item, loop over tokens and seconds.

It is what the original toolkit's way amounts to, written from its description. The benchmark times
it, and the tests take it as the truth that the fast way must agree with.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch


def read_item(path: str, item: int) -> np.ndarray:
    """Open ``<path>_starts.npy`` and ``<path>_data.npy`` and take one item."""
    starts = np.load(f"{path}_starts.npy", mmap_mode="r")
    data = np.load(f"{path}_data.npy", mmap_mode="r")
    return data[starts[item] : starts[item + 1]]


def read_video(
    vfeat_dir: str, tfeat_dir: str, split: str, shard: int, item: int
) -> tuple[np.ndarray, dict[str, list[Any]]]:
    """Return features and captions as lists."""
    feature = read_item(f"{vfeat_dir}/{split}_{shard}", item)
    startends = read_item(f"{tfeat_dir}{split}_{shard}.startends", item)
    caps = read_item(f"{tfeat_dir}{split}_{shard}.caps_ids", item)
    return feature, {
        "start": startends[:, 0].tolist(),
        "end": startends[:, 1].tolist(),
        "cap": [row[row != -1].tolist() for row in caps],
    }


def grow_text(
    text: Mapping[str, Sequence[Any]],
    centre: int,
    limit: int,
    coin: Callable[[], bool],
    max_span: float = 256,
) -> tuple[int, int]:
    """Grow a run of captions one by one; ``coin()`` is true for left."""
    first = last = centre
    words = len(text["cap"][centre])
    while words < limit and text["end"][last] - text["start"][first] < max_span:
        room_left, room_right = first > 0, last < len(text["cap"]) - 1
        if not room_left and not room_right:
            break
        left = coin()
        if (left and room_left) or not room_right:
            first -= 1
            words += len(text["cap"][first])
        else:
            last += 1
            words += len(text["cap"][last])
    return first, last


def grow_video(centre: int, length: int, seconds: int, coin: Callable[[], bool]) -> tuple[int, int]:
    """Grow a run of seconds one by one; returns its first second and the one after its last."""
    begin, end = centre, centre + 1
    while end - begin < length:
        left = coin()
        if (left and begin > 0) or end == seconds:
            begin -= 1
        else:
            end += 1
    return begin, end


def build_video_seq(
    feature: np.ndarray, begin: int, end: int, max_video_len: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad or cut one clip."""
    clip = torch.from_numpy(np.array(feature[begin:end][:max_video_len], dtype=np.float32))
    vfeats = torch.zeros((max_video_len, clip.shape[1]))
    vmasks = torch.zeros(max_video_len, dtype=torch.bool)
    vfeats[: len(clip)] = clip
    vmasks[: len(clip)] = True
    return vfeats, vmasks


def build_text_seq(
    captions: Sequence[Sequence[int]], max_text_len: int, cls: int, sep: int, pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Join captions, add special tokens, pad or cut."""
    words = [token for caption in captions for token in caption][: max_text_len - 3]
    ids = [cls, sep, *words, sep]
    caps = torch.tensor(ids + [pad] * (max_text_len - len(ids)), dtype=torch.long)
    cmasks = torch.tensor([True] * len(ids) + [False] * (max_text_len - len(ids)))
    return caps, cmasks


def overlapped_clip(
    feature: np.ndarray, text: Mapping[str, Sequence[Any]], options: Mapping[str, Any], rng: random.Random
) -> dict[str, torch.Tensor]:
    """Draw one clip of text and an overlapping one of video."""
    seconds = len(feature)
    limit = rng.randint(*options["words"])
    first, last = grow_text(text, rng.randint(0, len(text["cap"]) - 1), limit, lambda: rng.random() < 0.5)
    start, end = math.floor(text["start"][first]), math.ceil(text["end"][last])
    centre = rng.randint(min(max(start, 0), seconds - 1), min(max(end, 0), seconds - 1))
    length = min(rng.randint(*options["seconds"]), seconds)
    begin, stop = grow_video(centre, length, seconds, lambda: rng.random() < 0.5)
    vfeats, vmasks = build_video_seq(feature, begin, stop, options["max_video_len"])
    caps, cmasks = build_text_seq(text["cap"][first : last + 1], options["max_text_len"], *options["special"])
    return {"caps": caps, "cmasks": cmasks, "vfeats": vfeats, "vmasks": vmasks}


def overlapped_item(
    paths: tuple[str, str], place: tuple[str, int, int], options: Mapping[str, Any], seed: int
) -> dict[str, torch.Tensor]:
    """Open the files, draw the clips of one video and stack them."""
    rng = random.Random(seed)
    (vfeat_dir, tfeat_dir), (split, shard, item) = paths, place
    feature, text = read_video(vfeat_dir, tfeat_dir, split, shard, item)
    clips = [overlapped_clip(feature, text, options, rng) for _ in range(options["clips"])]
    return {key: torch.stack([clip[key] for clip in clips]) for key in clips[0]}
