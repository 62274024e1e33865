"""How each action looks: the pose and appearance of an object at a moment of its step."""

import math
from dataclasses import dataclass

from mmpt.demo.scene import Pose, Scene, Step

__all__ = ["Shown", "acting_step", "appearance"]

_LIFTED = 1.7  # how much larger a thing looks when it is still high above the table


@dataclass(frozen=True)
class Shown:
    """An object as the camera sees it."""

    pose: Pose
    opacity: float = 1.0
    height: float = 0.0
    """0 on the table … 1 high above: moves the shadow away."""
    glow: float = 0.0
    """Share of white mixed into the colour."""


def acting_step(scene: Scene, second: float) -> int | None:
    """Return the index of the step in whose motion the moment falls, or None."""
    for index, step in enumerate(scene.steps):
        if step.begin <= second < step.finish:
            return index
    return None


def _mix(a: float, b: float, u: float) -> float:
    return a + (b - a) * u


def appearance(step: Step, second: float) -> Shown:
    """Return the acted object of ``step`` at a moment of its motion (seconds of the video)."""
    u = (second - step.begin) / (step.finish - step.begin)
    since = second - step.begin
    pose, after = step.before, step.after
    wave = math.sin(2 * math.pi * step.rate * since)
    match step.action:
        case "place" | "remove":
            height = 1 - u if step.action == "place" else u
            raised = pose._replace(radius=pose.radius * _mix(1.0, _LIFTED, height))
            return Shown(raised, opacity=1 - 0.85 * height, height=height)
        case "grow" | "shrink":
            return Shown(pose._replace(radius=_mix(pose.radius, after.radius, u)), height=0.3)
        case "spin clockwise" | "spin counterclockwise":
            return Shown(pose._replace(angle=_mix(pose.angle, after.angle, u)), height=0.3)
        case "flash":
            return Shown(pose, height=0.3, glow=0.85 * max(0.0, wave))
        case "shake":
            return Shown(pose._replace(x=pose.x + 0.05 * wave), height=0.3)
        case "bounce":
            hop = abs(math.sin(math.pi * step.rate * since))
            return Shown(pose._replace(y=pose.y - 0.11 * hop), height=0.8 * hop)
        case "stack":
            arc = math.sin(math.pi * u)
            path = pose._replace(
                x=_mix(pose.x, after.x, u),
                y=_mix(pose.y, after.y, u),
                radius=pose.radius * (1 + 0.25 * arc),
            )
            return Shown(path, height=arc)
        case _:  # the four moves
            return Shown(pose._replace(x=_mix(pose.x, after.x, u), y=_mix(pose.y, after.y, u)), height=0.3)
