"""What the camera sees: frames of a scene, drawn with Pillow at twice the size and averaged down."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from mmpt.demo.motion import Shown, acting_step, appearance
from mmpt.demo.scene import Pose, Scene, Thing
from mmpt.demo.shapes import outline
from mmpt.demo.vocabulary import COLOURS

__all__ = ["FPS", "Camera", "render"]

FPS = 10
"""Frame rate of the world's videos."""

_SUPERSAMPLE = 2
_MARGIN = 0.04  # share of the frame around it that a shaking camera may show
_NOISE_BANK = 1 << 20


@dataclass(frozen=True)
class _Look:
    """Background, light and camera of one video."""

    base: tuple[float, float, float]
    kind: str
    contrast: float
    gain: float
    flicker: float
    noise: float
    shake: float
    phases: tuple[float, float, float, float]
    texture_seed: int


def _look(seed: int) -> _Look:
    rng = np.random.default_rng(seed)
    grey = rng.uniform(75, 175)
    base = grey * (1 + rng.uniform(-0.13, 0.13, size=3))
    return _Look(
        base=(float(base[0]), float(base[1]), float(base[2])),
        kind=str(rng.choice(["plain", "gradient", "stripes", "checks", "cloth", "wood"])),
        contrast=float(rng.uniform(0.03, 0.16)),
        gain=float(rng.uniform(0.85, 1.12)),
        flicker=float(rng.uniform(0.0, 0.025)),
        noise=float(rng.uniform(0.0, 7.0)),
        shake=float(rng.uniform(0.0, 0.012) if rng.random() < 0.35 else 0.0),
        phases=tuple(float(v) for v in rng.uniform(0, 2 * math.pi, size=4)),  # type: ignore[arg-type]
        texture_seed=int(rng.integers(2**31)),
    )


@lru_cache(maxsize=1)
def _noise_bank() -> np.ndarray:
    return np.random.default_rng(0).standard_normal(_NOISE_BANK).astype(np.float32)


def _background(look: _Look, pixels: int) -> Image.Image:
    """Return the bare table, ``pixels`` wide and high."""
    rng = np.random.default_rng(look.texture_seed)
    axis = np.linspace(0, 1, pixels, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    turn = rng.uniform(0, 2 * math.pi)
    along = math.cos(turn) * x + math.sin(turn) * y
    waves = rng.uniform(3, 14)
    match look.kind:
        case "gradient":
            pattern = 2 * along
        case "stripes":
            pattern = np.sign(np.sin(2 * math.pi * waves * along))
        case "checks":
            pattern = np.sign(np.sin(math.pi * waves * x) * np.sin(math.pi * waves * y))
        case "cloth" | "wood":
            coarse = rng.uniform(-1, 1, size=(int(waves), int(waves) if look.kind == "cloth" else 2))
            small = Image.fromarray(coarse.astype(np.float32))
            pattern = np.asarray(small.resize((pixels, pixels), Image.Resampling.BICUBIC))
        case _:
            pattern = np.zeros((pixels, pixels), dtype=np.float32)
    light = 1 + look.contrast * np.broadcast_to(pattern, (pixels, pixels))
    colours = light[:, :, None] * np.array(look.base, dtype=np.float32)
    return Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8))


class Camera:
    """Draws moments of one scene; what does not move is drawn once per step.

    Args:
        scene: The ground truth.
        size: Width and height of a frame in pixels.
        hidden: Resting things to leave out, by index.
    """

    def __init__(self, scene: Scene, size: int, hidden: frozenset[int] = frozenset()) -> None:
        self.scene = scene
        self.size = size
        self._hidden = hidden
        self._look = _look(scene.look_seed)
        self._scale = size * _SUPERSAMPLE
        self._margin = max(2, round(_MARGIN * self._scale))
        self._bare = _background(self._look, self._scale + 2 * self._margin)
        self._still: tuple[int, int | None] | None = None
        self._still_image = self._bare

    def frame(self, second: float, rng: np.random.Generator) -> np.ndarray:
        """Return the frame at a moment, uint8 (size, size, 3); ``rng`` draws the sensor's noise."""
        scene, acting = self.scene, acting_step(self.scene, second)
        passed = sum(step.finish <= second for step in scene.steps)
        lifted = None if acting is None else scene.steps[acting].thing
        canvas = self._table(passed, lifted).copy()
        if acting is not None:
            self._draw(
                canvas, scene.things[scene.steps[acting].thing], appearance(scene.steps[acting], second)
            )
        left, top = self._offset(second)
        window = canvas.crop((left, top, left + self._scale, top + self._scale)).reduce(_SUPERSAMPLE)
        return self._expose(np.asarray(window), second, rng)

    def _table(self, passed: int, lifted: int | None) -> Image.Image:
        """Return table and resting objects after ``passed`` steps, without the lifted one."""
        if self._still != (passed, lifted):
            image = self._bare.copy()
            for thing, pose in self.scene.tables[passed]:
                if thing != lifted and thing not in self._hidden:
                    self._draw(image, self.scene.things[thing], Shown(pose))
            self._still, self._still_image = (passed, lifted), image
        return self._still_image

    def _points(self, shape: str, pose: Pose) -> np.ndarray:
        cos, sin = math.cos(pose.angle), math.sin(pose.angle)
        turned = outline(shape) @ np.array([[cos, sin], [-sin, cos]])
        return (turned * pose.radius + (pose.x, pose.y)) * self._scale + self._margin

    def _draw(self, image: Image.Image, thing: Thing, shown: Shown) -> None:
        points = self._points(thing.shape, shown.pose)
        colour = [
            round(min(255.0, (c + (255 - c) * shown.glow) * t))
            for c, t in zip(COLOURS[thing.colour], thing.tint, strict=True)
        ]
        away = (0.012 + 0.045 * shown.height) * self._scale
        pen = ImageDraw.Draw(image, "RGBA")
        pen.polygon((points + away).ravel().tolist(), fill=(0, 0, 0, round(90 * shown.opacity)))
        pen.polygon(points.ravel().tolist(), fill=(*colour, round(255 * shown.opacity)))

    def _offset(self, second: float) -> tuple[int, int]:
        look, reach = self._look, self._look.shake * self._scale
        a, b, c, d = look.phases
        dx = reach * (math.sin(2.1 * second + a) + 0.5 * math.sin(5.3 * second + b))
        dy = reach * (math.sin(1.7 * second + c) + 0.5 * math.sin(4.7 * second + d))
        limit = self._margin
        return limit + max(-limit, min(limit, round(dx))), limit + max(-limit, min(limit, round(dy)))

    def _expose(self, pixels: np.ndarray, second: float, rng: np.random.Generator) -> np.ndarray:
        look = self._look
        gain = look.gain * (1 + look.flicker * math.sin(9.1 * second + look.phases[0]))
        light = pixels * np.float32(gain)
        if look.noise > 0:
            start = int(rng.integers(_NOISE_BANK - pixels.size))
            # A smaller picture of the same sensor averages pixels, and with them the noise.
            light += (
                look.noise
                * self.size
                / 128
                * _noise_bank()[start : start + pixels.size].reshape(pixels.shape)
            )
        return np.clip(light, 0, 255).astype(np.uint8)


def render(
    scene: Scene,
    start: float,
    frames: int,
    size: int,
    rng: np.random.Generator,
    hidden: frozenset[int] = frozenset(),
) -> np.ndarray:
    """Return ``frames`` frames from second ``start`` on, uint8 (frames, size, size, 3).

    ``hidden`` names things that are not drawn while they rest.
    """
    camera = Camera(scene, size, hidden)
    return np.stack([camera.frame(start + k / FPS, rng) for k in range(frames)])
