"""``make demo``: from rendered video files to a trained VideoCLIP that answers text queries.

Stages are the commands that users have too, printed before they run. A stage that has finished is
quick the second time, and one that was stopped goes on where it was. Paths are relative to the
working directory: data in ``data/demo``, results in ``runs/demo``.

::

    videos -> features -> captions -> shards -> tokens -> training -> retrieval -> queries, report
"""

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmpt.errors import MMPTError
from mmpt.utils.command import run_command
from mmpt.utils.files import read_json, write_json
from mmpt_cli.checkout import child_environment, place

__all__ = ["main"]

DATA = Path("data/demo")
RUN = Path("runs/demo")
FEATURES, SHARDS = DATA / "feat/videos", DATA / "feat/shards"
PROJECT = "projects/demo.yaml"
TRAIN_TASK = "projects/demo/how2.yaml"
TEST_TASK = "projects/demo/test_youcook_zs.yaml"
RESULTS = [RUN / "youcook_zs/eval" / f"{name}.result.json" for name in ("untrained", "checkpoint_best")]


@dataclass(frozen=True)
class Stage:
    """One step of the demo: arguments for Python, or a function of this program."""

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
            print(f"$ {shlex.join(['python', *self.action])}", flush=True)
            command = [sys.executable, *self.action]
            code = subprocess.run(command, env=child_environment(), check=False).returncode
            if code:
                raise MMPTError(
                    f"The stage '{self.name}' ended with exit code {code}; what failed stands above. "
                    "Run the same command again to go on from there."
                )


def data_stages(videos: int, seed: int) -> list[Stage]:
    """Return the stages that make the training data."""
    return [
        Stage("copy language model", copy_bert),
        Stage("render videos", lambda: render_world(videos, seed)),
        Stage(
            "extract features",
            [
                *[place("scripts/video_feature_extractor/extract.py"), "--type", "s3d"],
                *["--vdir", f"{DATA}/videos/how2,{DATA}/videos/youcook", "--fdir", str(FEATURES)],
                *["--weights", place("pretrained_models/s3d_demo.safetensors"), "--width", "0.25"],
                *["--fps", "10", "--size", "64", "--num_decoding_thread", "2"],
            ],
        ),
        Stage("clean captions", ["-m", "mmpt.processors.dedupprocessor", "--how2dir", f"{DATA}/how2"]),
        Stage(
            "pack shards",
            [
                *[place("scripts/video_feature_extractor/shard_feature.py"), "--fdir", str(FEATURES)],
                *["--sdir", str(SHARDS), "--lists", f"{DATA}/how2/how2_s3d_{{split}}.lst"],
            ],
        ),
        Stage(
            "tokenise captions",
            [
                place("scripts/text_token_extractor/pretokenization.py"),
                place("scripts/text_token_extractor/configs/demo.yaml"),
            ],
        ),
        Stage("verify shards", ["-m", "mmpt_cli.shards", "verify", str(SHARDS)]),
    ]


def model_stages() -> list[Stage]:
    """Return the stages that train and evaluate."""
    return [
        Stage("expand the project", [place("locallaunch.py"), PROJECT]),
        Stage("train VideoCLIP", [place("locallaunch.py"), TRAIN_TASK]),
        Stage("retrieve, untrained", [place("mmpt_cli/predict.py"), TEST_TASK, "--untrained"]),
        Stage("retrieve, trained", [place("locallaunch.py"), TEST_TASK]),
    ]


def render_world(videos: int, seed: int) -> None:
    """Write video files and annotations."""
    from mmpt.demo.world import WorldPlan, write_world

    # A fifth as many held-out videos: 80 of them hold some 180 clips.
    plan = WorldPlan(num_videos=videos, num_val=max(2, videos // 25), num_test=max(3, videos // 5), seed=seed)
    summary = write_world(DATA, plan)
    print(
        f"{sum(summary.videos.values())} videos, {summary.seconds / 3600:.1f} hours, "
        f"{summary.clips} held-out clips to retrieve"
    )


def copy_bert() -> None:
    """Put the language model where the project looks for it."""
    from mmpt.demo.language_model import copy_language_model

    copy_language_model(DATA / "minilm")


def run_timed(stage: Stage) -> None:
    """Run a stage and note its seconds: those of all runs up to the one that finished it."""
    path, begin = RUN / "stages.json", time.monotonic()
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


def report() -> None:
    """Print the table and the answers, and write the page."""
    from mmpt.demo.queries import World, answer
    from mmpt.demo.summary import table_text, write_demo_report
    from mmpt.evaluators.results import read_result
    from mmpt.models import MMPTModel

    results = [read_result(path) for path in RESULTS]
    print(table_text(results))
    model, _, _ = MMPTModel.from_pretrained(TRAIN_TASK)
    answers = answer(model, World.read(DATA), FEATURES, queries=3)
    for query in answers:
        print(f"\n{query.text}")
        for hit in query.hits:
            video_id, start, end, score = hit.moment
            mark = "right" if hit.correct else "wrong"
            print(f"  {video_id}  {start:3.0f}-{end:3.0f} s  score {score:6.2f}  {mark}: {hit.narration}")
    page = write_demo_report(RUN, results, answers, DATA, TRAIN_TASK)
    print(f"\nreport: {page}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m mmpt_cli.demo", description=__doc__.split("\n")[0])
    parser.add_argument("--videos", type=int, default=400, help="training videos to render (default 400)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the world")
    options = parser.parse_args(arguments)
    begin = time.monotonic()
    for stage in [*data_stages(options.videos, options.seed), *model_stages()]:
        run_timed(stage)
    last = Stage("answer queries, write the report", report)
    last.run()
    print(f"total: {(time.monotonic() - begin) / 60:.1f} minutes")
    return 0


if __name__ == "__main__":
    run_command(main)
