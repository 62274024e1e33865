"""A run as its folder tells it: metrics, configuration, results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmpt.config.derive import training_options
from mmpt.config.yamlfile import read_yaml
from mmpt.errors import DataError, MMPTError
from mmpt.evaluators.results import EvaluationResult, read_result
from mmpt.report.about import ABOUT_FILE, About, read_about
from mmpt.utils.files import read_json
from mmpt.utils.trainlog import METRICS_FILE, TrainingRecord, is_running, read_training_log

__all__ = ["CONFIG_FILE", "Evaluation", "Run", "home_of", "is_run", "read_run"]

CONFIG_FILE = "config.yaml"
_RESULT = "*.result.json"


@dataclass(frozen=True)
class Evaluation:
    """What was measured with one task: a folder with results of one or more checkpoints."""

    folder: Path
    name: str
    """The folder below the run, without ``eval``; empty for the run's own."""
    results: Sequence[EvaluationResult]
    """Oldest first, all of the same items and metrics."""

    @property
    def main(self) -> EvaluationResult:
        """Return the newest, which details and examples are shown of."""
        return self.results[-1]


@dataclass(frozen=True)
class Run:
    """What a run left behind."""

    folder: Path
    config: Mapping[str, Any]
    """The expanded task of the training; that of an evaluation where nothing was trained."""
    record: TrainingRecord | None
    """None if no metrics were logged."""
    running: bool
    """Whether its training goes on at this moment."""
    evaluations: Sequence[Evaluation]
    about: About
    stages: Mapping[str, float]
    """Name -> seconds of what else was done for it; often nothing."""
    problems: Sequence[str] = field(default_factory=list)
    """Files that could not be read."""

    @property
    def title(self) -> str:
        """Return the heading of its page."""
        return self.about.title or self.folder.as_posix()

    @property
    def update(self) -> int:
        """Return the last update that was logged; 0 if none was."""
        rows = [rows[-1] for rows in self.record.rows.values() if rows] if self.record else []
        return max((row["update"] for row in rows), default=0)

    @property
    def state(self) -> str:
        """Return in one word how it stands: running, finished, stopped, trained, or evaluated."""
        if self.running:
            return "running"
        if self.record is None:
            return "evaluated"
        if all(session.time is None for session in self.record.sessions):
            return "trained"  # a log of before, which does not tell of an end
        return "finished" if self.record.finished else "stopped"

    def options(self) -> dict[str, Any]:
        """Return the options of its training."""
        return training_options(self.config.get("fairseq"))


def home_of(folder: Path) -> Path:
    """Return the run that results in ``folder`` belong to: the nearest training above, or the folder."""
    return next((each for each in (folder, *folder.parents) if (each / METRICS_FILE).is_file()), folder)


def is_run(folder: Path) -> bool:
    """Tell whether there is anything of a run in a folder."""
    return (folder / METRICS_FILE).is_file() or (folder.is_dir() and any(_result_files(folder)))


def read_run(folder: Path) -> Run:
    """Read what there is of a run.

    A file that cannot be read is a problem of the run, and no error.

    Raises:
        DataError: If the folder does not exist, or there is nothing of a run in it.
    """
    if not folder.is_dir():
        hint = "give the folder of its checkpoints" if folder.suffix == ".yaml" else "check the path"
        raise DataError(f"{folder} is no folder of a run; {hint}, such as runs/demo.")
    if not is_run(folder):
        raise DataError(
            f"There is no run in {folder}: no {METRICS_FILE} of a training, and no {_RESULT} of an "
            "evaluation. Give the folder that fairseq.checkpoint.save_dir or eval.save_path names."
        )
    problems: list[str] = []
    results = [
        (path, result) for path in _result_files(folder) if (result := _try(read_result, path, problems))
    ]
    metrics, config, about, stages = (
        folder / name for name in (METRICS_FILE, CONFIG_FILE, ABOUT_FILE, "stages.json")
    )
    record = _try(read_training_log, metrics, problems) if metrics.exists() else None
    written = _try(read_yaml, config, problems) if config.exists() else None
    timed = _try(_read_stages, stages, problems) if stages.exists() else None
    return Run(
        folder,
        written or (results[-1][1].config if results else {}),
        record,
        is_running(metrics),
        _evaluations(folder, results),
        (_try(read_about, about, problems) if about.exists() else None) or About(),
        timed or {},
        problems,
    )


def _result_files(folder: Path) -> Iterator[Path]:
    """Yield the result files of a run, but none of runs that lie inside it."""
    yield from sorted(folder.glob(_RESULT))
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink() and not (entry / METRICS_FILE).exists():
            yield from _result_files(entry)


def _read_stages(path: Path) -> dict[str, float]:
    """Return the seconds of each stage of a demo."""
    stages = read_json(path)
    try:
        return {name: float(stage["seconds"]) for name, stage in stages.items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not valid: it does not hold the seconds of each stage.") from error


def _try(read: Any, path: Path, problems: list[str]) -> Any:
    try:
        return read(path)
    except MMPTError as error:
        problems.append(str(error))
        return None


def _evaluations(folder: Path, results: Sequence[tuple[Path, EvaluationResult]]) -> list[Evaluation]:
    """Put results of one folder, one split and the same items together."""
    groups: dict[Any, list[EvaluationResult]] = {}
    for path, result in results:
        key = (path.parent, result.split, tuple(result.metrics), tuple(result.counts.items()))
        groups.setdefault(key, []).append(result)
    return [
        Evaluation(
            path,
            "/".join(part for part in path.relative_to(folder).parts if part != "eval"),
            sorted(group, key=lambda result: (result.date, result.name)),
        )
        for (path, *_), group in groups.items()
    ]
