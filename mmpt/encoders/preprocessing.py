"""What a Hugging Face model wants its frames to be, read from the files beside its weights.

Read are ``video_preprocessor_config.json``, ``preprocessor_config.json`` or ``processor_config.json``,
the files of transformers' image and video processors; their classes, which need torchvision, are not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmpt.errors import ConfigError
from mmpt.store.decode import Interpolation
from mmpt.store.encoder import RGB
from mmpt.utils.files import read_json

__all__ = ["Preprocessing", "read_preprocessing"]

FILES = ("video_preprocessor_config.json", "preprocessor_config.json", "processor_config.json")
BILINEAR = 2
"""Pillow's number; all others are taken for bicubic."""


class Preprocessing(NamedTuple):
    """How frames become a model's input."""

    size: int
    """The short side is scaled to it, and the middle square kept."""
    crop: int
    """Middle of that square that the model reads."""
    interpolation: Interpolation
    mean: RGB
    """Of pixels in 0..1."""
    std: RGB


def read_preprocessing(folder: Path) -> Preprocessing:
    """Read how a model wants its frames.

    A model that wants whole pictures squeezed into a square (SigLIP) gets their middle square instead.

    Raises:
        ConfigError: If there is no file that says so, or it asks for what is no square.
        DataError: If the file is damaged.
    """
    for name in FILES:
        if (folder / name).is_file():
            path = folder / name
            break
    else:
        raise ConfigError(
            f"The folder {folder} says nowhere how frames are scaled and normalised: there is none of "
            f"{', '.join(FILES)}. Copy the file from where the model comes from."
        )
    values = read_json(path)
    for part in ("video_processor", "image_processor"):
        if isinstance(values, dict) and isinstance(values.get(part), dict):
            values = values[part]
            break
    try:
        return _parse(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(
            f"The file {path} does not say how square frames are scaled and normalised "
            f"({type(error).__name__}: {error})."
        ) from error


def _parse(values: Mapping[str, Any]) -> Preprocessing:
    resized = _side(values["size"]) if values.get("do_resize", True) else None
    cropped = _side(values["crop_size"]) if values.get("do_center_crop") else None
    size = resized or cropped
    if size is None:
        raise ValueError("neither size nor crop_size")
    mean, std = _normalisation(values)
    interpolation: Interpolation = "bilinear" if values.get("resample", BILINEAR) == BILINEAR else "bicubic"
    return Preprocessing(max(size, cropped or 0), cropped or size, interpolation, mean, std)


def _side(size: Any) -> int:
    """Return the side of a square from ``224``, ``{"shortest_edge": 224}`` or ``{"height", "width"}``."""
    if isinstance(size, int):
        return size
    if "shortest_edge" in size:
        return int(size["shortest_edge"])
    if size["height"] != size["width"]:
        raise ValueError(f"{size['height']} x {size['width']} is no square")
    return int(size["height"])


def _normalisation(values: Mapping[str, Any]) -> tuple[RGB, RGB]:
    """Return mean and std for pixels in 0..1: ``pixel * factor - offset`` is what the file's are of."""
    factor = values.get("rescale_factor", 1 / 255) if values.get("do_rescale", True) else 1.0
    offset = 1.0 if values.get("offset") else 0.0
    normalised = values.get("do_normalize", True)
    mean = values["image_mean"] if normalised else (0.0,) * 3
    std = values["image_std"] if normalised else (1.0,) * 3
    red, green, blue = ((float(each) + offset) / (255 * factor) for each in mean)
    of_red, of_green, of_blue = (float(each) / (255 * factor) for each in std)
    return (red, green, blue), (of_red, of_green, of_blue)
