"""A mini demo world at the paths that the shipped projects name, and the running of their tasks.

Nothing is stubbed: videos are rendered, S3D features extracted, captions cleaned, tokenised and packed.
"""

import contextlib
import importlib.util
import math
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fairseq import checkpoint_utils
from fairseq_cli.train import cli_main
from other_folder import forget_files

import mmpt.fairseq_plugin  # noqa: F401, fairseq imports --user-dir only if nobody has done so
from mmpt.config.derive import derive, training_options
from mmpt.config.yamlfile import dump_yaml
from mmpt.demo import world
from mmpt.evaluators import EvaluationResult, read_result
from mmpt.models.checkpoint import load_state_dict
from mmpt.processors import dedupprocessor
from mmpt.utils.trainlog import read_training_log
from mmpt_cli import predict
from mmpt_cli.job import training_arguments
from mmpt_cli.project import expand_project

ROOT = Path(__file__).parents[2]

# What makes a case small; a key that a task does not set stays unset.
SIZES: dict[str, dict[str, Any]] = {
    "dataset": {
        "subsampling": 4,
        "num_video_per_batch": 2,
        "clip_per_video": 2,
        "num_iso_layer": 3,  # of three
        "dup": 1,
        "n_train": 1,
    },
    "model": {"num_hidden_video_layers": 1, "max_decode_length": 6},
    "": {"num_cands": 4},
}
OPTIONS = {"num_workers": 0, "warmup_updates": 1, "log_interval": 1}


def minify(values: Mapping[str, Any], training: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shipped task at the size of the mini world.

    Args:
        values: The expanded task.
        training: Options of a training's optimization that differ from the shipped ones.
    """
    small = {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}
    for section, sizes in SIZES.items():
        place = small.get(section, {}) if section else small
        place |= {key: min(place[key], value) for key, value in sizes.items() if place.get(key)}
    groups = {name: dict(group) for name, group in small["fairseq"].items()}
    for group in groups.values():
        group |= {key: value for key, value in OPTIONS.items() if group.get(key)}
        if "batch_size" in group:  # in clips; a video or a batch of videos may be one item
            group["batch_size"] = min(group["batch_size"], 2 * (small["dataset"].get("subsampling") or 2))
    if "optimization" in groups:
        groups["optimization"] |= training
    return small | {"fairseq": groups}


class Mini:
    """The workspace: ``data``, ``bert-base-uncased``, ``projects`` and ``runs`` in the working folder.

    Args:
        training: Options of a training's optimization that differ from the shipped ones.
    """

    def __init__(self, **training: Any) -> None:
        self.training = training
        self.done: dict[str, Any] = {}

    def values(self, project: str, file: str) -> dict[str, Any]:
        """Return a task of a project, minified."""
        tasks = expand_project(f"projects/{project}.yaml")
        return minify(tasks[f"projects/{project}/{file}"], self.training)

    def run(self, project: str, file: str) -> Any:
        """Run a task after those whose checkpoints it needs; each runs once.

        Returns:
            (update, loss) of a training, the results of an evaluation.
        """
        path = f"projects/{project}/{file}"
        if path not in self.done:
            values = self.values(project, file)
            options = training_options(values["fairseq"])
            needed = options.get("path") if "predictor" in values else options.get("restore_file")
            if needed:
                self._make(project, needed)
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_text(dump_yaml(values))
            run = evaluated if "predictor" in values else trained
            try:
                self.done[path] = run(path, values)
            except Exception as error:
                self.done[path] = error
        if isinstance(self.done[path], Exception):
            raise self.done[path]
        return self.done[path]

    def evaluate_again(self, project: str, file: str) -> list[EvaluationResult]:
        """Return the results of an evaluation that has run, with the data as they are now."""
        return evaluated(f"projects/{project}/{file}", self.values(project, file))

    def _make(self, project: str, checkpoint: str) -> None:
        """Run the training that writes ``checkpoint``."""
        folder = Path(checkpoint).parent
        own = folder.relative_to(f"runs/{project}").as_posix()
        names = ["how2.yaml"] if own == "." else [f"{own}_videoclip.yaml", f"{own}.yaml"]
        tasks = expand_project(f"projects/{project}.yaml")
        self.run(project, next(name for name in names if f"projects/{project}/{name}" in tasks))
        if not Path(checkpoint).exists():  # two updates do not reach the eleventh epoch of checkpoint11.pt
            assert "max_update" in self.training
            shutil.copy(folder / "checkpoint_last.pt", checkpoint)


def trained(path: str, values: Mapping[str, Any]) -> list[tuple[int, float]]:
    """Train as ``fairseq-train`` does, in this process, and return (update, loss)."""
    vars(checkpoint_utils.save_checkpoint).pop("best", None)  # what a new process would not know
    arguments = training_arguments(path, derive(values), str(ROOT / "mmpt"), cpu=True)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fairseq uses old interfaces of hydra and torch
        patch.setattr(sys, "argv", ["fairseq-train", *arguments])
        cli_main()
    options = training_options(values["fairseq"])
    if "restore_file" in options:
        change = change_of_video_tokens(options["restore_file"], f"{options['save_dir']}/checkpoint_last.pt")
        # Adam moves a weight by about the learning rate in an update; a random start would be 0.04 away.
        assert 0 < change < 2 * options["lr"][0] * options.get("max_update", 1000)
    curves = read_training_log(Path(options["save_dir"]) / "metrics.jsonl")
    assert [loss for _, loss in curves.valid if not math.isfinite(loss)] == []
    return curves.train


def change_of_video_tokens(one: str, other: str) -> float:
    """Return the largest change of the video's projection, which neither BERT nor a task brings along."""
    first, second = (
        {
            key.split("videomlp.")[1]: value
            for key, value in load_state_dict(path).items()
            if "videomlp." in key
        }
        for path in (one, other)
    )
    assert first.keys() == second.keys()
    return max(float((first[key] - second[key]).abs().max()) for key in first)


def evaluated(path: str, values: Mapping[str, Any]) -> list[EvaluationResult]:
    """Evaluate as ``predict.py`` does, in this process, and return what it wrote."""
    assert predict.main([path, "--device", "cpu"]) == 0
    return [read_result(file) for file in sorted(Path(values["eval"]["save_path"]).glob("*.result.json"))]


def script(path: str) -> Any:
    """Return the ``main`` of a script."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / "scripts" / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def make_data() -> None:
    """Fill ``data`` in the working folder with the scripts of the toolkit."""
    plan = world.WorldPlan(6, num_val=2, num_test=2, num_other=3, datasets=world.DATASETS)
    world.write_world(Path("data"), plan, workers=1)
    weights = str(ROOT / "pretrained_models/s3d_demo.safetensors")
    encoder = ["--weights", weights, "--width", "0.25", "--fps", "10", "--size", "64"]
    videos = ",".join(f"data/videos/{name}" for name in world.DATASETS)
    extract = script("video_feature_extractor/extract.py")
    assert extract(["--vdir", videos, "--fdir", "data/feat/all", *encoder]) == 0
    for name in world.DATASETS:  # one run for all, and the folders that the projects name lead to it
        Path(f"data/feat/feat_{name.removeprefix('msr')}_s3d").symlink_to("all")
    assert dedupprocessor.main([]) == 0
    assert script("video_feature_extractor/shard_feature.py")([]) == 0
    captions = ROOT / "scripts/text_token_extractor/configs/bert-base-uncased.yaml"
    assert script("text_token_extractor/pretokenization.py")([str(captions)]) == 0


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_bert: Path) -> Iterator[Path]:
    """A folder with everything that the shipped projects name."""
    folder = tmp_path_factory.mktemp("mini")
    shutil.copytree(ROOT / "projects", folder / "projects", ignore=shutil.ignore_patterns("demo*"))
    shutil.copytree(tiny_bert, folder / "bert-base-uncased")
    forget_files()
    with contextlib.chdir(folder):
        make_data()
    yield folder
    forget_files()


@pytest.fixture(scope="module")
def mini(workspace: Path) -> Mini:
    """Runs tasks for two updates or a full pass; what has run once is kept."""
    return Mini(max_update=2)


@pytest.fixture(scope="module")
def whole(workspace: Path) -> Mini:
    """Runs tasks for all their epochs, at a rate that a tiny model learns with."""
    shutil.rmtree(workspace / "runs", ignore_errors=True)
    return Mini(lr=[1e-3])
