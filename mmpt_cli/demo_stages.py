"""What the demos share: stages that are timed, and the making of their data.

A stage is a command that users have too, printed before it runs, or a function. A stage that has
finished is quick the second time, and one that was stopped goes on where it was.
"""

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmpt.errors import MMPTError
from mmpt.utils.files import read_json, write_json
from mmpt_cli.checkout import child_environment, place

__all__ = ["Stage", "data_stages", "run_timed"]


@dataclass(frozen=True)
class Stage:
    """One step of a demo: a command of ``mmpt`` with its arguments, or a function of this program."""

    name: str
    action: Sequence[str] | Callable[[], None]

    def run(self) -> None:
        """Run the stage.

        Raises:
            MMPTError: If the command fails; it has said why.
        """
        print(f"\n== {self.name}", flush=True)
        if callable(self.action):
            self.action()
        else:
            print(f"$ {shlex.join(['mmpt', *self.action])}", flush=True)
            command = [sys.executable, "-m", "mmpt_cli.main", *self.action]
            code = subprocess.run(command, env=child_environment(), check=False).returncode
            if code:
                raise MMPTError(
                    f"The stage '{self.name}' ended with exit code {code}; what failed stands above. "
                    "Run the same command again to go on from there."
                )


def run_timed(stage: Stage, run: Path) -> None:
    """Run a stage and note its seconds in ``run``: those of all runs up to the one that finished it."""
    path, begin = run / "stages.json", time.monotonic()
    finished = False
    try:
        stage.run()
        finished = True
    finally:
        seconds = time.monotonic() - begin
        print(f"-- {stage.name}: {'done in' if finished else 'stopped after'} {seconds:.0f} s", flush=True)
        times = read_json(path) if path.exists() else {}
        before = times.get(stage.name, {"seconds": 0.0, "finished": False})
        if not before["finished"]:
            times[stage.name] = {"seconds": before["seconds"] + seconds, "finished": finished}
            write_json(path, times)


def data_stages(data: Path, captions: str, plan: Mapping[str, Any]) -> list[Stage]:
    """Return the stages that make a world and all that training reads of it.

    Args:
        data: Where everything goes.
        captions: Configuration of the tokenisation, a file of the checkout.
        plan: Fields of :class:`mmpt.demo.world.WorldPlan`.
    """
    features, shards = data / "feat/videos", data / "feat/shards"
    videos = ",".join(f"{data}/videos/{name}" for name in plan["datasets"])
    return [
        Stage("copy language model", lambda: _copy_bert(data / "minilm")),
        Stage("render videos", lambda: _render_world(data, plan)),
        Stage(
            "extract features",
            [
                *["extract", "--type", "s3d", "--vdir", videos, "--fdir", str(features)],
                *["--weights", place("pretrained_models/s3d_demo.safetensors"), "--width", "0.25"],
                *["--fps", "10", "--size", "64", "--num_decoding_thread", "2"],
            ],
        ),
        Stage("clean captions", ["shards", "captions", "--how2dir", f"{data}/how2"]),
        Stage(
            "pack shards",
            [
                *["shards", "pack", "--fdir", str(features), "--sdir", str(shards)],
                *["--lists", f"{data}/how2/how2_s3d_{{split}}.lst"],
            ],
        ),
        Stage("tokenise captions", ["shards", "tokenise", place(captions)]),
        Stage("verify shards", ["shards", "verify", str(shards)]),
    ]


def _render_world(data: Path, plan: Mapping[str, Any]) -> None:
    """Write video files and annotations."""
    from mmpt.demo.world import WorldPlan, write_world

    summary = write_world(data, WorldPlan(**plan))
    print(
        f"{sum(summary.videos.values())} videos, {summary.seconds / 3600:.1f} hours, "
        f"{summary.clips} held-out clips to retrieve"
    )


def _copy_bert(folder: Path) -> None:
    """Put the language model where the project looks for it."""
    from mmpt.demo.language_model import copy_language_model

    copy_language_model(folder)
