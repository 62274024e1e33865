"""Which video encoders there are, and how your own becomes one of them.

An encoder is found by name: a built-in one, one that a plugin registered, or one that an installed
package offers under the entry-point group ``mmpt.encoders``. A plugin is a Python file or module::

    @mmpt.encoders.register("mine")
    def build(weights, device, *, layers: int = 2):
        return MyEncoder(weights, layers).to(device)     # callable, with a .spec

``mmpt extract --plugin my_encoder.py --type mine --option layers=3`` then uses it.
"""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_type_hints

import torch

from mmpt.config.typecheck import describe, fits
from mmpt.errors import ConfigError
from mmpt.registry import nearest
from mmpt.store.encoder import VideoEncoder
from mmpt.utils.plugins import load_plugin

__all__ = ["EncoderChoice", "build_encoder", "encoder_names", "register"]

Builder = Callable[..., VideoEncoder]
"""``builder(weights, device, **options) -> encoder``; ``weights`` is a path or None."""

ENTRY_POINTS = "mmpt.encoders"
"""Group of the entry points: name of an encoder -> its builder."""

# Name -> module and function; imported when first asked for.
_BUILT_IN = {
    "huggingface": "mmpt.encoders.huggingface:build_huggingface",
    "s3d": "mmpt.encoders.s3d_encoder:build_s3d",
}
_registered: dict[str, Builder] = {}


@dataclass(frozen=True, kw_only=True)
class EncoderChoice:
    """Everything it takes to build an encoder: plain data that can be sent to another process."""

    type: str = "s3d"
    """Name of the encoder."""
    weights: str | None = None
    """File or folder of the weights; None: the encoder's default."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further options of its builder."""
    plugins: tuple[str, ...] = ()
    """Files or modules to load first."""

    def build(self, device: torch.device | str = "cpu") -> VideoEncoder:
        """Load the plugins and build the encoder on ``device``; errors as of both."""
        for plugin in self.plugins:
            load_plugin(plugin)
        return build_encoder(self.type, self.weights, device, **self.options)


def register(name: str) -> Callable[[Builder], Builder]:
    """Decorator of a builder: makes its encoder known as ``name``.

    Raises:
        ConfigError: If the name is taken.
    """

    def add(builder: Builder) -> Builder:
        if name in _BUILT_IN or name in _registered:
            raise ConfigError(f"The encoder '{name}' is registered already; choose another name.")
        _registered[name] = builder
        return builder

    return add


def encoder_names() -> list[str]:
    """Return the names of all encoders, sorted."""
    return sorted({*_BUILT_IN, *_registered, *_installed()})


def build_encoder(
    name: str, weights: str | None = None, device: torch.device | str = "cpu", **options: Any
) -> VideoEncoder:
    """Build an encoder, ready for inference.

    Args:
        name: One of :func:`encoder_names`.
        weights: File or folder of the weights; None: the encoder's default.
        device: Where it is to compute.
        options: What its builder takes beside; None stands for the default.

    Raises:
        ConfigError: If the name or an option is unknown, an option has the wrong type, or what the builder
            returns is no encoder.
        CheckpointError: If the weights are missing, unsafe, or of another network.
    """
    builder = _builder(name)
    options = {option: value for option, value in options.items() if value is not None}
    _check_options(name, builder, options)
    encoder = builder(weights, torch.device(device), **options)
    if not callable(encoder) or not hasattr(encoder, "spec"):
        raise ConfigError(
            f"The builder of the encoder '{name}' returned {encoder!r:.80}; return a callable with a spec, "
            "as mmpt.encoders.VideoEncoder describes."
        )
    return encoder


def _builder(name: str) -> Builder:
    if name in _registered:
        return _registered[name]
    if name in _BUILT_IN:
        module, function = _BUILT_IN[name].split(":")
        return vars(importlib.import_module(module))[function]
    installed = _installed()
    if name in installed:
        return installed[name].load()
    close = nearest(name, encoder_names())
    hint = f" Did you mean '{close}'?" if close else ""
    raise ConfigError(
        f"There is no encoder '{name}'.{hint} Known: {', '.join(encoder_names())}. "
        "Your own comes in with --plugin my_encoder.py, or plugins: in the task file."
    )


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _check_options(name: str, builder: Builder, options: Mapping[str, Any]) -> None:
    parameters = list(inspect.signature(builder).parameters.values())[2:]  # weights and device come first
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    hints = get_type_hints(builder)
    allowed = [each.name for each in parameters]
    for option, value in options.items():
        if option not in allowed:
            close = nearest(option, allowed)
            hint = f" Did you mean '{close}'?" if close else ""
            raise ConfigError(
                f"The encoder '{name}' has no option '{option}'.{hint} "
                f"Its options: {', '.join(allowed) or 'none'}."
            )
        if option in hints and not fits(value, hints[option]):
            raise ConfigError(
                f"The option '{option}' of the encoder '{name}' must be {describe(hints[option])}, "
                f"got {value!r}."
            )
    missing = [each.name for each in parameters if each.default is each.empty and each.name not in options]
    if missing:
        raise ConfigError(f"The encoder '{name}' needs the option '{missing[0]}'; give a value for it.")
