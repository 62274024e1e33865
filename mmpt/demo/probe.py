"""What the extracted features of a demo world still tell about it: a linear probe per attribute.

    python -m mmpt.demo.probe data/demo data/demo/feat/videos

Comes in: the ground truth of the written world and the ``.npy`` features of its video files. Goes
out: accuracies on held-out combinations, the ceiling of what any text can retrieve.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mmpt.errors import DataError
from mmpt.store.npyfile import read_array
from mmpt.utils.command import run_command
from mmpt.utils.files import read_json

__all__ = ["probe"]

_NAMES = ("action", "colour", "shape", "size")
_RIDGE = 1.0


def _labelled(truth: dict[str, Any], features: Path) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Yield (feature of a second, attributes) for every second that lies inside one step.

    A video without features (it could not be extracted) has none to yield.
    """
    for video_id, video in truth.items():
        path = features / f"{video_id}.npy"
        if not path.is_file():
            continue
        for second, row in enumerate(read_array(path).astype(np.float32)):
            for step in video["steps"]:
                if step["start"] + 0.3 <= second and second + 1 <= step["end"] - 0.3:
                    yield row, [step[name] for name in _NAMES]


def _collect(truth: dict[str, Any], features: Path, what: str) -> tuple[np.ndarray, np.ndarray]:
    pairs = list(_labelled(truth, features))
    if not pairs:
        raise DataError(f"The folder {features} holds no features of the {what} videos of this world.")
    rows, attributes = zip(*pairs, strict=True)
    return np.stack(rows), np.array(attributes)


def probe(world: Path, features: Path) -> dict[str, float]:
    """Return the accuracy per attribute, in percent, on single seconds of held-out videos.

    A ridge regression onto one-hot labels is fitted on the How2 videos and asked on the YouCook2 ones.

    Args:
        world: Folder that ``write_world`` wrote, with data sets how2 and youcook.
        features: Folder of ``<video_id>.npy``, (seconds, D).

    Raises:
        DataError: If there is no world or there are no features.
    """
    truth = read_json(world / "world.json")["truth"]
    held_out = {name: video for name, video in truth["youcook"].items() if name.startswith("test")}
    x, known = _collect(truth["how2"], features, "training")
    asked, right = _collect(held_out, features, "held-out")
    x, asked = (np.concatenate([m, np.ones((len(m), 1), np.float32)], axis=1) for m in (x, asked))
    gram = x.T @ x + _RIDGE * np.eye(x.shape[1], dtype=np.float32)
    accuracies = {}
    for column, name in enumerate(_NAMES):
        values, label = np.unique(known[:, column], return_inverse=True)
        weights = np.linalg.solve(gram, x.T @ np.eye(len(values), dtype=np.float32)[label])
        answer = values[(asked @ weights).argmax(axis=1)]
        accuracies[name] = round(100 * float((answer == right[:, column]).mean()), 1)
    return accuracies


def main() -> int:
    """Run the command, print JSON, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("world", type=Path)
    parser.add_argument("features", type=Path)
    args = parser.parse_args()
    sys.stdout.write(json.dumps(probe(args.world, args.features)) + "\n")
    return 0


if __name__ == "__main__":
    run_command(main)
