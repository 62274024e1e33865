"""Evaluate a task file.

Prints metric | baseline | result | count, and writes predictions and a result file to
eval.save_path. A test_* task whose checkpoint is not a "best" one is evaluated on every
checkpoint* in that folder, and the best is named. A vis_* task only predicts.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__ in (None, ""):  # run as a file: the package lies one folder up
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from mmpt.config import TaskConfig, load_task
from mmpt.config.derive import training_options
from mmpt.errors import CheckpointError, ConfigError
from mmpt.store.modelfolder import weight_file
from mmpt.utils.command import run_command
from mmpt_cli.job import NO_EVALUATION
from mmpt_cli.parser import CommandParser

__all__ = ["checkpoints_to_evaluate", "main", "make_parser"]


def make_parser(prog: str = "mmpt predict") -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = CommandParser(prog, __doc__, "mmpt predict projects/retri/videoclip/test_vtt_zs.yaml")
    parser.add_argument("task", help="task file, such as projects/retri/videoclip/test_vtt_zs.yaml")
    parser.add_argument("--device", help="cpu, cuda or cuda:<n>; default: a GPU if there is one")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], default="float32")
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--checkpoint", help="evaluate this file, or saved model, alone")
    weights.add_argument("--untrained", action="store_true", help="evaluate the model as training starts")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = make_parser().parse_args(arguments)
    config = load_task(options.task)
    if config.predictor is None:
        raise ConfigError(f"{options.task} {NO_EVALUATION} To train it: mmpt launch {options.task}")
    if Path(options.task).name.startswith("vis_"):
        config = config.replace(metric=None)
    paths = [] if options.untrained else checkpoints_to_evaluate(options.task, config, options.checkpoint)
    _evaluate_all(config, paths, options.device, options.dtype)
    return 0


def checkpoints_to_evaluate(task: str, config: TaskConfig, named: str | None = None) -> list[Path]:
    """Return the checkpoints that a task file asks for, sorted by name.

    One that is ``named``, and a saved model, stands alone. Otherwise it is ``fairseq.common_eval.path``, and
    for a ``test_*`` task whose file name lacks "best" also every ``checkpoint*`` beside it.

    Raises:
        ConfigError: If no checkpoint is named.
        CheckpointError: If the named one does not exist.
    """
    given = named or training_options(config.fairseq).get("path")
    if given is None:
        raise ConfigError(f"{task}: fairseq.common_eval.path is missing; set it, or give --checkpoint.")
    path = Path(given)
    beside = sorted(
        # A training that was killed while it saved leaves a part of a checkpoint as <name>.tmp.
        file
        for file in path.parent.glob("checkpoint*")
        if file.is_file() and file.suffix != ".tmp"
    )
    if not weight_file(path).is_file():
        found = (
            f"That folder has {', '.join(file.name for file in beside)}; give one of them"
            if beside
            else "Train it first, or give another"
        )
        raise CheckpointError(f"{task}: the checkpoint {path} does not exist. {found} with --checkpoint.")
    # The file name decides: a folder called "best_run" says nothing about the checkpoint.
    compare = (
        named is None and path.is_file() and Path(task).name.startswith("test_") and "best" not in path.name
    )
    return sorted({path, *beside}) if compare else [path]


def _evaluate_all(config: TaskConfig, paths: Sequence[Path], device: str | None, dtype: str) -> None:
    """Evaluate every checkpoint, or the untrained model if there is none, and print the tables."""
    # Here and not above, so that a wrong file name is reported without waiting for torch.
    import torch

    from mmpt.evaluators.evaluator import Evaluator, evaluate, evaluate_untrained
    from mmpt.evaluators.tables import best_of, comparison_table, result_table

    types = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    evaluator = Evaluator(config, device=device, dtype=types[dtype])
    if not paths:
        print(result_table(evaluate_untrained(config, evaluator)))
    results = []
    for path in paths:
        result = evaluate(config, checkpoint=path, evaluator=evaluator, selected_from=len(paths))
        print(result_table(result))
        results.append(result)
    if len(results) > 1 and evaluator.metric:
        best = best_of(results, evaluator.metric.higher_is_better)
        print(f"\n{comparison_table(results, best)}")


if __name__ == "__main__":
    run_command(main)
