"""What ``mmpt search`` and ``mmpt serve`` share: the options of the model, and opening an index with it."""

import argparse
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmpt.search import Searcher

__all__ = ["add_model_options", "open_searcher"]


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`open_searcher` reads."""
    add = parser.add_argument
    add("--model", help="task file or saved model; default: the one that the index remembers")
    add("--plugin", action="append", default=[], help="file or module that the model needs; repeatable")
    add("--device", help="cpu, cuda or cuda:<n>; default: a GPU if there is one")


def open_searcher(options: argparse.Namespace) -> "Searcher":
    """Open ``options.index`` and the model that it was made with.

    What a task names, checkpoints for example, is found from the working directory. So the model that the
    index remembers is loaded from the directory in which the index was made, if that can be entered.
    """
    from mmpt.search import Searcher
    from mmpt.search.manifest import Manifest
    from mmpt.utils.device import pick_device

    device, folder = pick_device(options.device), os.path.abspath(options.index)
    plugins = [os.path.abspath(each) if each.endswith(".py") else each for each in options.plugin]
    made_in = Manifest.load(Path(folder)).model.working_directory
    is_open = os.path.isdir(made_in) and os.access(made_in, os.X_OK)  # it may be another user's
    place = made_in if options.model is None and is_open else os.curdir
    with contextlib.chdir(place):
        return Searcher.open(folder, options.model, device, plugins)
