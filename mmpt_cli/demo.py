"""``make demo``: from rendered video files to a trained VideoCLIP that answers text queries.

Stages are the commands that users have too, printed before they run. A stage that has finished is
quick the second time, and one that was stopped goes on where it was. Paths are relative to the
working directory: data in ``data/demo``, results in ``runs/demo``.

::

    videos -> features -> captions -> shards -> tokens -> training -> retrieval -> queries, report
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmpt.utils.command import run_command
from mmpt_cli.demo_stages import Stage, data_stages, run_timed

__all__ = ["main"]

DATA = Path("data/demo")
RUN = Path("runs/demo")
CAPTIONS = "scripts/text_token_extractor/configs/demo.yaml"
PROJECT = "projects/demo.yaml"
TRAIN_TASK = "projects/demo/how2.yaml"
TEST_TASK = "projects/demo/test_youcook_zs.yaml"
MODEL = RUN / "model"
RESULTS = [RUN / "youcook_zs/eval" / f"{name}.result.json" for name in ("untrained", "checkpoint_best")]


def world_plan(videos: int, seed: int) -> dict[str, Any]:
    """Return what is rendered: a fifth as many held-out videos, 80 of which hold some 180 clips."""
    return {
        "num_videos": videos,
        "num_val": max(2, videos // 25),
        "num_test": max(3, videos // 5),
        "seed": seed,
        "datasets": ("how2", "youcook"),
    }


def model_stages() -> list[Stage]:
    """Return the stages that train and evaluate."""
    return [
        Stage("expand the project", ["launch", PROJECT]),
        Stage("train VideoCLIP", ["launch", TRAIN_TASK]),
        Stage("retrieve, untrained", ["predict", TEST_TASK, "--untrained"]),
        Stage("retrieve, trained", ["launch", TEST_TASK]),
    ]


def report() -> None:
    """Print the table and the answers, write the page, and save the model as a folder."""
    from mmpt.demo.queries import World, answer
    from mmpt.demo.summary import table_text, write_demo_report
    from mmpt.evaluators.results import read_result
    from mmpt.models import MMPTModel

    results = [read_result(path) for path in RESULTS]
    print(table_text(results))
    model, _, _ = MMPTModel.from_pretrained(TRAIN_TASK)
    answers = answer(model, World.read(DATA), DATA / "feat/videos", queries=3)
    for query in answers:
        print(f"\n{query.text}")
        for hit in query.hits:
            mark = "right" if hit.correct else "wrong"
            where = f"{hit.video_id}  {hit.start:3.0f}-{hit.end:3.0f} s"
            print(f"  {where}  score {hit.score:6.2f}  {mark}: {hit.note}")
    page = write_demo_report(RUN, answers, DATA, TRAIN_TASK)
    model.save_pretrained(MODEL)
    print(f"\nmodel:  {MODEL}\nreport: {page}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmpt_cli.demo", description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=int, default=400, help="training videos to render (default 400)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the world")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    plan = world_plan(options.videos, options.seed)
    for stage in [*data_stages(DATA, CAPTIONS, plan), *model_stages()]:
        run_timed(stage, RUN)
    Stage("answer queries, write the report", report).run()
    print(f"total: {(time.monotonic() - begin) / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    run_command(main)
