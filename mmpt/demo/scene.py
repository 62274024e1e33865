"""What happens in a video: objects on a table and an ordered list of steps, a function of a seed.

Comes in: ``(seed, index, split)``. Goes out: a :class:`Scene`, the ground truth of that video.
Nothing is drawn here. Positions are shares of the frame's side from the top left, times seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from mmpt.demo.vocabulary import ACTIONS, COLOURS, SHAPES, is_held_out, place_of, size_of

__all__ = ["Pose", "Scene", "Split", "Step", "Thing", "scene_of"]

Split = Literal["train", "val", "test"]

_SPLITS: tuple[Split, ...] = ("train", "val", "test")
_RADII = ((0.095, 0.115), (0.13, 0.15), (0.165, 0.19))  # small, medium, big
_MAX_THINGS = 6
_GROWTH = 1.55


class Pose(NamedTuple):
    """Where an object is and how large."""

    x: float
    y: float
    radius: float
    angle: float
    """Radians, clockwise on the screen."""


@dataclass(frozen=True)
class Thing:
    """One object of a video; (colour, shape) is unique in it."""

    colour: str
    shape: str
    tint: tuple[float, float, float]
    """Factor on each colour channel: no two reds are the same."""


@dataclass(frozen=True)
class Step:
    """One step of the instruction.

    The segment ``start..end`` is what annotations hold; motion fills ``begin..finish`` inside it.
    """

    start: float
    end: float
    begin: float
    finish: float
    action: str
    thing: int
    """Index into ``Scene.things``."""
    other: int | None
    """What the thing is stacked on."""
    before: Pose
    after: Pose
    rate: float
    """Turns, flashes, shakes or bounces per second."""

    @property
    def size(self) -> str:
        """Size word of the acted object when the step starts."""
        return size_of(self.before.radius)

    @property
    def place(self) -> str:
        """Field of the table where the acted object is when the step starts."""
        return place_of(self.before.x, self.before.y)


@dataclass(frozen=True)
class Scene:
    """The ground truth of one video."""

    video_id: str
    seed: int
    duration: float
    things: tuple[Thing, ...]
    steps: tuple[Step, ...]
    tables: tuple[tuple[tuple[int, Pose], ...], ...]
    """``tables[k]``: (thing, pose) on the table before step k, in drawing order; one more at the end."""
    look_seed: int
    """Seed of background, light and camera."""

    def combination(self, step: Step) -> tuple[str, str, str]:
        """Return (colour, shape, action) of a step."""
        thing = self.things[step.thing]
        return thing.colour, thing.shape, step.action


def scene_of(seed: int, index: int, split: Split = "train", script: tuple[str, ...] = ()) -> Scene:
    """Return video ``index`` of a split of the world ``seed``.

    Splits are disjoint in videos; ``test`` acts held-out combinations only, the others never do.

    Args:
        seed: Seed of the world.
        index: Number of the video in its split.
        split: ``train``, ``val`` or ``test``.
        script: Actions to play in this order (one that cannot be played is left out); none: chance
            decides what happens.
    """
    rng = np.random.default_rng((seed, _SPLITS.index(split), index))
    director = _Director(rng, held_out=split == "test", script=script)
    return director.film(f"{split}{seed}_{index:06d}", seed)


class _Director:
    """Builds one scene step by step; keeps the table as it is after the last step."""

    def __init__(self, rng: np.random.Generator, held_out: bool, script: tuple[str, ...]) -> None:
        self.rng = rng
        self.held_out = held_out
        self.script = list(script)
        self.things: list[Thing] = []
        self.table: dict[int, Pose] = {}  # in drawing order
        self.base_of: dict[int, int] = {}  # stacked thing -> what it stands on
        self.done: set[tuple[int, str]] = set()

    def film(self, video_id: str, seed: int) -> Scene:
        """Play steps until the video is long enough."""
        rng = self.rng
        target = rng.uniform(20.0, 58.0)
        for _ in range(int(rng.integers(2, 5))):
            self._add_thing(*self._new_kind(None))
        now, steps, tables = rng.uniform(0.3, 1.5), [], [self._snapshot()]
        scripted = bool(self.script)
        while self.script if scripted else now < target - 4.0:
            options = list(self._options())
            if not options:
                break
            action = self.script.pop(0) if scripted else self._choose({name for name, _ in options})
            things = [thing for name, thing in options if name == action]
            if not things:
                continue
            steps.append(self._act(action, things[rng.integers(len(things))], now))
            tables.append(self._snapshot())
            now = steps[-1].end + rng.uniform(0.2, 1.6)
        duration = max(20.0, float(np.ceil(steps[-1].end + 0.2)))
        return Scene(
            video_id,
            seed,
            duration,
            tuple(self.things),
            tuple(steps),
            tuple(tables),
            int(rng.integers(2**31)),
        )

    def _choose(self, possible: set[str]) -> str:
        actions = sorted(possible)
        if self.held_out and len(actions) > 1 and self.rng.random() < 0.6:
            actions = [name for name in actions if name != "place"]  # else half of the steps were one
        return actions[self.rng.integers(len(actions))]

    def _snapshot(self) -> tuple[tuple[int, Pose], ...]:
        return tuple(self.table.items())

    def _allowed(self, colour: str, shape: str, action: str) -> bool:
        return is_held_out(colour, shape, action) == self.held_out

    def _new_kind(self, action: str | None) -> tuple[str, str]:
        """Draw a (colour, shape) that the video has not had yet, fit for ``action``.

        With no action the object only lies there; held-out videos then prefer kinds that can do
        two held-out actions, so that enough can happen.
        """
        colours, seen = tuple(COLOURS), {(t.colour, t.shape) for t in self.things}
        for attempt in range(10_000):
            kind = colours[self.rng.integers(len(colours))], SHAPES[self.rng.integers(len(SHAPES))]
            if kind in seen:
                continue
            if action is None:
                able = sum(self._allowed(*kind, name) for name in ACTIONS[1:])
                if able >= 2 or attempt > 200:
                    return kind
            elif self._allowed(*kind, action):
                return kind
        raise AssertionError("the vocabulary has no unused kind left")

    def _free_spot(self, radius: float) -> tuple[float, float]:
        """Return the best of several random spots: far from what is on the table."""
        low, high = radius, 1 - radius
        spots = self.rng.uniform(low, high, size=(12, 2))
        if not self.table:
            return float(spots[0, 0]), float(spots[0, 1])
        poses = np.array([(p.x, p.y, p.radius) for p in self.table.values()])
        gaps = np.linalg.norm(spots[:, None] - poses[None, :, :2], axis=2) - poses[None, :, 2]
        clear = gaps.min(axis=1) - radius
        good = np.flatnonzero(clear > 0)
        best = spots[good[0] if len(good) else int(clear.argmax())]
        return float(best[0]), float(best[1])

    def _add_thing(self, colour: str, shape: str) -> int:
        radius = float(self.rng.uniform(*_RADII[self.rng.integers(3)]))
        x, y = self._free_spot(radius)
        tint = self.rng.uniform(0.88, 1.05) * self.rng.uniform(0.95, 1.05, size=3)
        self.things.append(Thing(colour, shape, (float(tint[0]), float(tint[1]), float(tint[2]))))
        self.table[len(self.things) - 1] = Pose(x, y, radius, float(self.rng.uniform(-0.5, 0.5)))
        return len(self.things) - 1

    def _options(self) -> Iterator[tuple[str, int]]:
        """Yield what can happen now: (action, thing); thing -1 is a new one to place."""
        if len(self.table) < _MAX_THINGS:
            yield "place", -1
        supporting = set(self.base_of.values())
        for thing, pose in self.table.items():
            if thing in supporting:
                continue
            kind = self.things[thing].colour, self.things[thing].shape
            for action in ACTIONS[1:]:
                possible = self._allowed(*kind, action) and (thing, action) not in self.done
                if possible and self._feasible(action, thing, pose):
                    yield action, thing

    def _feasible(self, action: str, thing: int, pose: Pose) -> bool:
        room, shape = 0.25 + pose.radius, self.things[thing].shape
        match action:
            case "remove":
                return len(self.table) > 2
            case "stack":
                return any(self._can_carry(other, thing) for other in self.table)
            case "move left":
                return pose.x > room
            case "move right":
                return pose.x < 1 - room
            case "move up":
                return pose.y > room
            case "move down":
                return pose.y < 1 - room
            case "spin clockwise" | "spin counterclockwise":
                return shape not in ("circle", "ring")  # nobody could see it
            case "grow":
                return size_of(pose.radius) != "big"
            case "shrink":
                return size_of(pose.radius) != "small"
        return True

    def _can_carry(self, other: int, thing: int) -> bool:
        free = other != thing and other not in self.base_of.values() and other not in self.base_of
        a, b = self.table[other], self.table[thing]
        return free and abs(a.x - b.x) + abs(a.y - b.y) > 0.25 and a.y > 0.25

    def _act(self, action: str, thing: int, start: float) -> Step:
        """Play one step on the table and return its record."""
        rng = self.rng
        if action == "place":
            thing = self._add_thing(*self._new_kind("place"))
        before = self.table[thing]
        self.base_of.pop(thing, None)
        after, other = self._goal(action, thing, before)
        duration = rng.uniform(2.0, 6.0)
        step = Step(
            start=start,
            end=start + duration,
            begin=start + rng.uniform(0.0, 0.3),
            finish=start + duration - rng.uniform(0.0, 0.3),
            action=action,
            thing=thing,
            other=other,
            before=before,
            after=after,
            rate=float(rng.uniform(0.25, 0.6) if "spin" in action else rng.uniform(1.2, 2.2)),
        )
        if "spin" in action:
            turn = 2 * np.pi * step.rate * (step.finish - step.begin)
            after = before._replace(angle=before.angle + (turn if action == "spin clockwise" else -turn))
            step = replace(step, after=after)
        self.done.add((thing, action))
        del self.table[thing]  # what was touched last lies on top
        if action != "remove":
            self.table[thing] = step.after
        return step

    def _goal(self, action: str, thing: int, before: Pose) -> tuple[Pose, int | None]:
        """Return where a thing ends, and what it then stands on; spins are turned later, by their time."""
        match action:
            case "stack":
                others = [o for o in self.table if self._can_carry(o, thing)]
                other = others[self.rng.integers(len(others))]
                self.base_of[thing] = other
                carrier = self.table[other]
                return before._replace(x=carrier.x, y=carrier.y - 0.55 * carrier.radius), other
            case "move left" | "move right" | "move up" | "move down":
                return self._moved(before, action), None
            case "grow" | "shrink":
                factor = _GROWTH if action == "grow" else 1 / _GROWTH
                return before._replace(radius=float(np.clip(before.radius * factor, 0.08, 0.21))), None
        return before, None

    def _moved(self, pose: Pose, action: str) -> Pose:
        """Return where a move ends: at least a quarter of the frame away, inside the frame."""
        edge = pose.radius
        room = {
            "move left": pose.x - edge,
            "move right": 1 - edge - pose.x,
            "move up": pose.y - edge,
            "move down": 1 - edge - pose.y,
        }[action]
        way = float(self.rng.uniform(0.25, max(0.26, room)))
        dx = {"move left": -way, "move right": way}.get(action, 0.0)
        dy = {"move up": -way, "move down": way}.get(action, 0.0)
        return pose._replace(x=pose.x + dx, y=pose.y + dy)
