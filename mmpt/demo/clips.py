"""Labelled one-second clips, rendered on the fly: what the demo's video encoder learns from."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Dataset

from mmpt.demo.motion import acting_step
from mmpt.demo.render import FPS, render
from mmpt.demo.scene import Scene, Split, Step, scene_of
from mmpt.demo.vocabulary import ACTIONS, COLOURS, PLACES, SHAPES, SIZES, place_of, size_of
from mmpt.utils.seeding import item_generator

__all__ = ["HEADS", "IGNORED", "ClipBatch", "ClipBatches", "labels_at", "pose_at", "step_at"]

IGNORED = -100
"""Label of an attribute that the clip does not have: nothing acts in it."""

HEADS: dict[str, tuple[str, ...]] = {
    "action": ("nothing", *ACTIONS),
    "colour": tuple(COLOURS),
    "shape": SHAPES,
    "size": SIZES,
    "place": PLACES,
}
"""Attribute of the acted object -> its values; a label is a position in the tuple."""

_SEEN = 6
"""Resting objects that are labelled in a clip at most."""


class ClipBatch(NamedTuple):
    """Clips with everything that can be learned from them."""

    frames: torch.Tensor
    """uint8 (B, 3, T, H, W)."""
    labels: torch.Tensor
    """Of the acted object, in the order of :data:`HEADS`, int64 (B, 5)."""
    spots: torch.Tensor
    """Centre of the acted object in 0..1, float32 (B, 2)."""
    resting: torch.Tensor
    """Colour, shape and size of up to six objects at rest, int64 (B, 6, 3)."""
    resting_spots: torch.Tensor
    """Their centres, float32 (B, 6, 2)."""


_ENOUGH = 0.4  # seconds of motion that make a clip show a step


def step_at(scene: Scene, start: float, seconds: float = 1.0) -> Step | None:
    """Return the step with the longest motion in the clip from ``start`` on; None if under 0.4 s."""
    shares = [min(s.finish, start + seconds) - max(s.begin, start) for s in scene.steps]
    best = int(np.argmax(shares))
    return scene.steps[best] if shares[best] >= _ENOUGH else None


def pose_at(step: Step, second: float) -> tuple[float, float, float]:
    """Return x, y and radius on the straight way from a step's start to its end."""
    share = float(np.clip((second - step.begin) / (step.finish - step.begin), 0, 1))
    x, y, radius = (a + (b - a) * share for a, b in zip(step.before[:3], step.after[:3], strict=True))
    return x, y, radius


def labels_at(scene: Scene, start: float, seconds: float = 1.0) -> np.ndarray:
    """Return the labels of the clip from ``start`` on, int64 (5,) in the order of :data:`HEADS`."""
    step = step_at(scene, start, seconds)
    if step is None:
        return np.array([0] + [IGNORED] * 4)
    colour, shape, action = scene.combination(step)
    x, y, radius = pose_at(step, start + seconds / 2)
    values = (action, colour, shape, size_of(radius), place_of(x, y))
    return np.array([names.index(v) for names, v in zip(HEADS.values(), values, strict=True)])


def _resting(scene: Scene, second: float, hidden: frozenset[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (6, 3) and centres (6, 2) of the objects at rest whose middle can be seen."""
    labels, spots = np.full((_SEEN, 3), IGNORED), np.full((_SEEN, 2), 0.5, np.float32)
    acting = acting_step(scene, second)
    acted = None if acting is None else scene.steps[acting].thing
    passed = sum(step.finish <= second for step in scene.steps)
    table = [(k, pose) for k, pose in scene.tables[passed] if k != acted and k not in hidden]
    for row, (thing, pose) in enumerate(table[:_SEEN]):
        above = [p for _, p in table[row + 1 :]]
        if any((p.x - pose.x) ** 2 + (p.y - pose.y) ** 2 < p.radius**2 for p in above):
            continue
        kind = scene.things[thing]
        values = kind.colour, kind.shape, size_of(pose.radius)
        labels[row] = [HEADS[n].index(v) for n, v in zip(("colour", "shape", "size"), values, strict=True)]
        spots[row] = pose.x, pose.y
    return labels, spots


def _degrade(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soften and shift a clip as H.264 and resizing do, by a random amount."""
    light = frames.astype(np.float32)
    if rng.random() < 0.7:
        share = np.float32(rng.uniform(0, 0.5))
        for axis in (1, 2):
            around = (np.roll(light, 1, axis) + np.roll(light, -1, axis)) / 2
            light += share * (around - light) * np.float32(0.5)
    light = light * np.float32(rng.uniform(0.95, 1.05)) + np.float32(rng.uniform(-6, 6))
    return np.clip(light, 0, 255).astype(np.uint8)


class ClipBatches(Dataset[ClipBatch]):
    """Batch ``i`` of an endless stream, a function of (seed, split, i).

    Args:
        seed: Seed of the world; use one that no written world uses.
        split: ``train`` and ``val`` show training combinations, ``test`` held-out ones.
        batches: Number of batches.
        batch_size: Clips per batch.
        size: Width and height in pixels.
        degrade: Whether to imitate compression.
        first: Number of the first batch, to go on where a run stopped.
        alone_until: Share of the batches over which the crowd on the table grows: at first the
            acted object is alone, which teaches colours and shapes, then it must be told by its motion.
    """

    def __init__(
        self,
        seed: int,
        split: Split,
        batches: int,
        batch_size: int,
        size: int,
        degrade: bool = True,
        first: int = 0,
        alone_until: float = 0.0,
    ) -> None:
        self.seed, self.split, self.batches, self.batch_size = seed, split, batches, batch_size
        self.size, self.degrade, self.first, self.alone_until = size, degrade, first, alone_until

    def __len__(self) -> int:
        return self.batches - self.first

    def __getitem__(self, index: int) -> ClipBatch:
        number = (self.first + index) * self.batch_size
        columns = zip(*(self._clip(number + k) for k in range(self.batch_size)), strict=True)
        frames, labels, spots, resting, resting_spots = (torch.from_numpy(np.stack(c)) for c in columns)
        return ClipBatch(frames.permute(0, 4, 1, 2, 3), labels, spots, resting, resting_spots)

    def __iter__(self) -> Iterator[ClipBatch]:
        return (self[k] for k in range(len(self)))

    def _clip(self, number: int) -> tuple[np.ndarray, ...]:
        scene = scene_of(self.seed, number, self.split)
        rng = item_generator(self.seed, 1, number)
        start = float(rng.uniform(0, scene.duration - 1))
        hidden = self._hidden(scene, start, number, rng)
        frames = render(scene, start, FPS, self.size, rng, hidden)
        step = step_at(scene, start)
        spot = (0.5, 0.5) if step is None else pose_at(step, start + 0.5)[:2]
        return (
            _degrade(frames, rng) if self.degrade else frames,
            labels_at(scene, start),
            np.array(spot, np.float32),
            *_resting(scene, start + 0.5, hidden),
        )

    def _hidden(self, scene: Scene, start: float, number: int, rng: np.random.Generator) -> frozenset[int]:
        if self.alone_until == 0:
            return frozenset()
        share = 1 - number / (self.alone_until * self.batches * self.batch_size)
        step = step_at(scene, start)
        kept = set() if step is None else {step.thing, step.other}
        draws = rng.random(len(scene.things))
        return frozenset(k for k, draw in enumerate(draws) if draw < share and k not in kept)
