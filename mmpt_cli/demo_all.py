"""``make demo-all``: both flagship projects through all their tasks on the demo world, and one table.

Renders the world as six data sets, runs ``projects/demo_videoclip.yaml`` and ``projects/demo_vlm.yaml``
stage by stage, and prints for every task what knowing nothing scores, the pre-trained model, and the
fine-tuned one. Data in ``data/demo_all``, results in ``runs/demo_all``, ``runs/demo_videoclip`` and
``runs/demo_vlm``. Stopped, it goes on where it was; what is done and has not changed is not done again.
"""

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmpt.utils.command import run_command
from mmpt.utils.files import atomic_write, read_json
from mmpt_cli.demo_stages import Stage, data_stages, run_timed
from mmpt_cli.demo_tasks import run_tasks
from mmpt_cli.project import stages

__all__ = ["main"]

DATA = Path("data/demo_all")
RUN = Path("runs/demo_all")
CAPTIONS = "scripts/text_token_extractor/configs/demo_all.yaml"
PROJECTS = ("projects/demo_videoclip.yaml", "projects/demo_vlm.yaml")
DATASETS = ("how2", "youcook", "msrvtt", "coin", "crosstask", "didemo")


def world_plan(videos: int, seed: int) -> dict[str, Any]:
    """Return what is rendered for so many narrated training videos."""
    return {
        "num_videos": videos,
        "num_val": max(2, videos // 25),
        "num_test": max(3, videos // 4),
        "num_other": max(4, 3 * videos // 25),
        "num_train": max(4, videos // 3),
        "seed": seed,
        "datasets": DATASETS,
    }


def project_stages(path: str) -> list[Stage]:
    """Return a stage of the demo for every stage of a project."""
    found = []
    for tasks in stages(path):
        names = ", ".join(Path(task).stem for task in tasks)
        found.append(Stage(f"{Path(path).stem}: {names}", partial(run_tasks, tasks, RUN / "tasks.json")))
    return found


def report() -> None:
    """Print the table, and write it as text and as a page."""
    from mmpt.demo.scoreboard import scoreboard, scoreboard_page, scoreboard_text
    from mmpt.demo.tasks import ENTRIES

    rows = scoreboard(ENTRIES)
    text = scoreboard_text(rows)
    print(text)
    seconds = {name: stage["seconds"] for name, stage in read_json(RUN / "stages.json").items()}
    for name, content in (("table.txt", f"{text}\n"), ("report.html", scoreboard_page(rows, seconds))):
        with atomic_write(RUN / name, "w") as stream:
            stream.write(content)
    print(f"\nreport: {RUN / 'report.html'}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmpt_cli.demo_all", description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=int, default=300, help="narrated videos to render (default 300)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the world")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    for stage in data_stages(DATA, CAPTIONS, world_plan(options.videos, options.seed)):
        run_timed(stage, RUN)
    run_timed(Stage("expand the projects", ["launch", ",".join(PROJECTS)]), RUN)
    for stage in (each for path in PROJECTS for each in project_stages(path)):
        run_timed(stage, RUN)
    Stage("table", report).run()
    print(f"total: {(time.monotonic() - begin) / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    run_command(main)
